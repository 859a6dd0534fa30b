/// A setting's name in its two spellings: `risk.maxPositionValue` in the file, `RISK_MAX_POSITION_VALUE` in the
/// environment.
struct SettingsKey: Hashable, CustomStringConvertible {
    let path: String

    /// Dots and case changes become underscores, letters become capitals.
    var environmentName: String {
        var name = ""
        var previousIsLowercase = false
        for character in self.path {
            if previousIsLowercase && character.isUppercase {
                name.append("_")
            }
            name.append(character.isLetter || character.isNumber ? character.uppercased() : "_")
            previousIsLowercase = character.isLowercase
        }
        return name
    }

    var description: String { "\(self.environmentName) (\(self.path))" }

    /// The key for the path of a file that holds this key's value.
    var fileVariant: SettingsKey { SettingsKey(path: self.path + "File") }

    /// The member of `candidates` this key was probably meant to be: at most two edits away in the environment
    /// spelling, so that case and separators (`max_position_value`) do not count.
    func nearest(among candidates: some Sequence<SettingsKey>) -> SettingsKey? {
        let name = Array(self.environmentName.utf8)
        var best: (distance: Int, key: SettingsKey)?
        for candidate in candidates {
            let distance = editDistance(name, Array(candidate.environmentName.utf8))
            guard distance <= 2 else { continue }
            if let best, (best.distance, best.key.path) <= (distance, candidate.path) { continue }
            best = (distance, candidate)
        }
        return best?.key
    }
}

extension SettingsKey {
    /// The member of `candidates` from which one letter added, left out, changed or swapped with its neighbour leads to
    /// this key.
    func slipped(from candidates: some Sequence<SettingsKey>) -> SettingsKey? {
        let name = Array(self.environmentName.utf8)
        guard name.count > 4 else { return nil }
        return candidates.sorted { $0.path < $1.path }.first { candidate in
            let other = Array(candidate.environmentName.utf8)
            return editDistance(name, other) == 1 || isSwapped(name, other)
        }
    }
}

/// Whether two neighbours have changed places, and nothing else.
private func isSwapped(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard first.count == second.count else { return false }
    let different = first.indices.filter { first[$0] != second[$0] }
    guard different.count == 2, different[1] == different[0] + 1 else { return false }
    return first[different[0]] == second[different[1]] && first[different[1]] == second[different[0]]
}

/// The number of insertions, deletions and substitutions that turn `first` into `second`.
private func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var row = Array(0...second.count)
    for (firstIndex, firstByte) in first.enumerated() {
        var diagonal = row[0]
        row[0] = firstIndex + 1
        for (secondIndex, secondByte) in second.enumerated() {
            let substitution = diagonal + (firstByte == secondByte ? 0 : 1)
            diagonal = row[secondIndex + 1]
            row[secondIndex + 1] = min(substitution, diagonal + 1, row[secondIndex] + 1)
        }
    }
    return row[second.count]
}
