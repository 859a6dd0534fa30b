/// Rows in aligned columns for a terminal.
struct TextTable {
    struct Column {
        var title: String
        var isRightAligned = false

        static func left(_ title: String) -> Column { Column(title: title) }
        static func right(_ title: String) -> Column { Column(title: title, isRightAligned: true) }
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: Column...) {
        self.columns = columns
    }

    var isEmpty: Bool { self.rows.isEmpty }

    /// One text a column. Line ends become spaces.
    mutating func add(_ texts: String...) {
        self.rows.append(texts.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") })
    }

    /// Whole lines, the titles first.
    var text: String {
        let all = [self.columns.map(\.title)] + self.rows
        let widths = self.columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, text) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - text.count)
                line +=
                    (column == 0 ? "" : "  ") + (self.columns[column].isRightAligned ? padding + text : text + padding)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
