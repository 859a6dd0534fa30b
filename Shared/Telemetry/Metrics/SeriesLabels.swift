/// A series' labels as they are rendered, `name="value"` sorted by name; of labels whose names become equal the first
/// stays.
struct SeriesLabels: Hashable, Comparable {
    let text: String

    init(_ dimensions: [(String, String)]) {
        var values: [String: String] = [:]
        for (name, value) in dimensions {
            let labelName = PrometheusText.labelName(name)
            if values[labelName] == nil {
                values[labelName] = PrometheusText.labelValue(value)
            }
        }
        self.text = values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ",")
    }

    static func < (left: SeriesLabels, right: SeriesLabels) -> Bool {
        left.text < right.text
    }

    /// In braces, with one more label at the end if given; empty when there is none.
    func braced(adding label: String? = nil) -> String {
        let parts = [self.text, label ?? ""].filter { !$0.isEmpty }
        return parts.isEmpty ? "" : "{\(parts.joined(separator: ","))}"
    }
}
