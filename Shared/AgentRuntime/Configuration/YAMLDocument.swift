/// A settings file: the part of YAML that settings need, read strictly.
///
/// Mappings nested by indentation, plain and quoted values, lists (`- item` lines or `[a, b]`), comments. Anything
/// else YAML has (anchors, tags, block text, inline mappings, several documents) is refused with its position, as is
/// a repeated key: a settings file must mean what it seems to mean.
struct YAMLDocument {
    enum Value: Equatable {
        case scalar(String)
        case list([String])
    }

    struct Entry {
        /// Nil for an empty value or `null`.
        let value: Value?
        /// Counted from 1.
        let line: Int
    }

    /// The values by their dotted path.
    let entries: [String: Entry]

    /// - Parameter name: the file's name for error messages.
    /// - Throws: `ConfigurationError.malformedFile` with line and column.
    init(parsing text: String, name: String) throws(ConfigurationError) {
        var parser = YAMLParser(name: name)
        try parser.parse(text)
        self.entries = parser.entries
    }
}

private struct YAMLParser {
    /// One line that is neither blank nor only a comment.
    struct Line {
        let number: Int
        let indentation: Int
        let characters: [Character]

        var isListItem: Bool {
            self.characters[self.indentation] == "-"
                && (self.characters.count == self.indentation + 1 || self.characters[self.indentation + 1] == " ")
        }
    }

    static let maximumDepth = 16

    let name: String
    var lines: [Line] = []
    var next = 0
    var entries: [String: YAMLDocument.Entry] = [:]
    var sections: Set<String> = []

    init(name: String) {
        self.name = name
    }

    mutating func parse(_ text: String) throws(ConfigurationError) {
        try self.collectLines(text)
        guard let first = self.lines.first else { return }
        try self.parseMapping(indentation: first.indentation, prefix: "", depth: 1)
        if self.next < self.lines.count {
            let line = self.lines[self.next]
            throw self.error(line, line.indentation, "this line is indented less than the first key")
        }
    }

    private mutating func collectLines(_ text: String) throws(ConfigurationError) {
        let withoutMark = text.first == "\u{FEFF}" ? text.dropFirst() : text[...]
        var number = 0
        for content in withoutMark.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            let characters = Array(content)
            guard let indentation = characters.firstIndex(where: { $0 != " " && $0 != "\t" }),
                characters[indentation] != "#"
            else { continue }
            let line = Line(number: number, indentation: indentation, characters: characters)
            if let tab = characters[..<indentation].firstIndex(of: "\t") {
                throw self.error(line, tab, "a tab cannot indent; use spaces")
            }
            if indentation == 0, content.hasPrefix("---") || content.hasPrefix("...") {
                guard self.lines.isEmpty, content.trimmingSpaces() == "---" else {
                    throw self.error(line, 0, "the file must hold one document")
                }
                continue
            }
            self.lines.append(line)
        }
    }

    private mutating func parseMapping(
        indentation: Int,
        prefix: String,
        depth: Int
    ) throws(ConfigurationError) {
        while self.next < self.lines.count, self.lines[self.next].indentation >= indentation {
            let line = self.lines[self.next]
            guard line.indentation == indentation else {
                throw self.error(line, line.indentation, "the indentation fits no key above")
            }
            guard depth <= Self.maximumDepth else {
                throw self.error(line, indentation, "more than \(Self.maximumDepth) levels deep")
            }
            if line.isListItem {
                throw self.error(line, indentation, "a list item without a key above it")
            }
            var scanner = YAMLScanner(line: line, name: self.name, position: indentation)
            let key = try scanner.scanKey()
            let path = prefix.isEmpty ? key : "\(prefix).\(key)"
            self.next += 1
            if scanner.isAtEnd() {
                try self.parseBlock(of: path, below: line, depth: depth)
            } else {
                let value = try scanner.scanValue()
                try self.store(value, at: path, line: line)
            }
        }
    }

    /// What follows `key:` on the lines below it: a list, a deeper mapping, or nothing.
    private mutating func parseBlock(of path: String, below line: Line, depth: Int) throws(ConfigurationError) {
        guard self.next < self.lines.count else {
            try self.store(nil, at: path, line: line)
            return
        }
        let following = self.lines[self.next]
        if following.isListItem, following.indentation >= line.indentation {
            let items = try self.parseListItems(indentation: following.indentation)
            try self.store(.list(items), at: path, line: line)
        } else if following.indentation > line.indentation {
            guard self.entries[path] == nil, self.sections.insert(path).inserted else {
                throw self.error(line, line.indentation, "\(path) is given twice")
            }
            try self.parseMapping(indentation: following.indentation, prefix: path, depth: depth + 1)
        } else {
            try self.store(nil, at: path, line: line)
        }
    }

    private mutating func parseListItems(indentation: Int) throws(ConfigurationError) -> [String] {
        var items: [String] = []
        while self.next < self.lines.count {
            let line = self.lines[self.next]
            guard line.indentation == indentation, line.isListItem else { break }
            var scanner = YAMLScanner(line: line, name: self.name, position: indentation + 1)
            guard !scanner.isAtEnd(), case .scalar(let item) = try scanner.scanValue() else {
                throw self.error(line, indentation, "a list item must be one plain or quoted value")
            }
            items.append(item)
            self.next += 1
        }
        return items
    }

    private mutating func store(
        _ value: YAMLDocument.Value?,
        at path: String,
        line: Line
    ) throws(ConfigurationError) {
        guard !self.sections.contains(path),
            self.entries.updateValue(YAMLDocument.Entry(value: value, line: line.number), forKey: path) == nil
        else {
            throw self.error(line, line.indentation, "\(path) is given twice")
        }
    }

    private func error(_ line: Line, _ position: Int, _ problem: String) -> ConfigurationError {
        YAMLScanner(line: line, name: self.name, position: position).error(problem)
    }
}

/// Reads one line from `position` on.
private struct YAMLScanner {
    let line: YAMLParser.Line
    let name: String
    var position: Int

    private var characters: [Character] { self.line.characters }
    private var current: Character? {
        self.position < self.characters.count ? self.characters[self.position] : nil
    }

    func error(_ problem: String) -> ConfigurationError {
        ConfigurationError(
            .malformedFile,
            "\(self.name), line \(self.line.number), column \(self.position + 1): \(problem)"
        )
    }

    /// Skips blanks; true when nothing but a comment is left.
    mutating func isAtEnd() -> Bool {
        while self.current != nil, self.isBlank(self.position) {
            self.position += 1
        }
        guard let character = self.current else { return true }
        return character == "#" && self.isBlank(self.position - 1)
    }

    /// Both ends of the line count as blank.
    private func isBlank(_ position: Int) -> Bool {
        guard self.characters.indices.contains(position) else { return true }
        return self.characters[position] == " " || self.characters[position] == "\t"
    }

    mutating func scanKey() throws(ConfigurationError) -> String {
        var key = ""
        if let quote = self.current, quote == "\"" || quote == "'" {
            key = try self.scanQuoted(quote)
        } else {
            while let character = self.current, character.isLetter || character.isNumber || "_-.".contains(character) {
                key.append(character)
                self.position += 1
            }
        }
        guard !key.isEmpty, self.current == ":" else {
            throw self.error("expected `key: value`")
        }
        self.position += 1
        guard self.isBlank(self.position) else {
            throw self.error("a space must follow the colon")
        }
        return key
    }

    /// The value up to the line's end; nil for `null` and `~`. The caller has skipped the blanks before it.
    mutating func scanValue() throws(ConfigurationError) -> YAMLDocument.Value? {
        let value: YAMLDocument.Value?
        switch self.current {
        case "[":
            value = .list(try self.scanInlineList())
        case "\"", "'":
            value = .scalar(try self.scanScalar(endingAt: []) ?? "")
        default:
            value = try self.scanScalar(endingAt: []).map { .scalar($0) }
        }
        guard self.isAtEnd() else {
            throw self.error("nothing but a comment may follow the value")
        }
        return value
    }

    private mutating func scanInlineList() throws(ConfigurationError) -> [String] {
        var items: [String] = []
        self.position += 1
        while !self.isAtEnd() {
            if self.current == "]" {
                self.position += 1
                return items
            }
            guard let item = try self.scanScalar(endingAt: [",", "]"]), !item.isEmpty else {
                throw self.error("a list item must be one plain or quoted value")
            }
            items.append(item)
            if !self.isAtEnd(), self.current == "," {
                self.position += 1
            } else if self.current != "]" {
                break
            }
        }
        throw self.error("the list does not end on its line; expected , or ]")
    }

    /// One plain or quoted value; a plain one also ends at any of `terminators`.
    private mutating func scanScalar(endingAt terminators: Set<Character>) throws(ConfigurationError) -> String? {
        guard let first = self.current else { return nil }
        if first == "\"" || first == "'" {
            return try self.scanQuoted(first)
        }
        if "[]{},&*!|>%@`?".contains(first) || (first == "-" && self.isBlank(self.position + 1)) {
            throw self.error("a value cannot start with \(first) here; put it in quotes")
        }
        var text = ""
        while let character = self.current, !terminators.contains(character) {
            if character == "#", self.isBlank(self.position - 1) { break }
            if character == ":", self.isBlank(self.position + 1) {
                throw self.error("a second `: ` in one line; put the value in quotes")
            }
            text.append(character)
            self.position += 1
        }
        let trimmed = text.trimmingSpaces()
        return ["~", "null", "Null", "NULL"].contains(trimmed) ? nil : trimmed
    }

    private mutating func scanQuoted(_ quote: Character) throws(ConfigurationError) -> String {
        let start = self
        var text = ""
        self.position += 1
        while let character = self.current {
            self.position += 1
            if character == quote {
                guard quote == "'", self.current == "'" else { return text }
                self.position += 1
                text.append("'")
            } else if character == "\\", quote == "\"" {
                text.append(try self.scanEscape())
            } else {
                text.append(character)
            }
        }
        throw start.error("the quotes are not closed on this line")
    }

    private mutating func scanEscape() throws(ConfigurationError) -> Character {
        let escapes: [Character: Character] = ["n": "\n", "r": "\r", "t": "\t", "\\": "\\", "\"": "\"", "/": "/"]
        guard let character = self.current, let meaning = escapes[character] else {
            throw self.error("unknown escape; known are \\n \\r \\t \\\\ \\\" \\/")
        }
        self.position += 1
        return meaning
    }
}

extension StringProtocol {
    /// Without blanks and line ends around it.
    func trimmingSpaces() -> String {
        let isBlank: (Character) -> Bool = \.isWhitespace
        guard let start = self.firstIndex(where: { !isBlank($0) }), let end = self.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(self[start...end])
    }
}
