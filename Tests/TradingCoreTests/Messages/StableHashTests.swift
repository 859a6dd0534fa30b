import Testing
import TradingCore

@Suite struct StableHashTests {
    /// Worked out by a second implementation. A change here gives every message and trace another id.
    @Test(
        arguments: [
            ([], "efd01f60ba99292620e386dbf8848b62"), ([""], "1bbd5c813c69a8d7bc8d501edbb448a1"),
            (["a"], "3aec69d286fbd39b15346015f9a0df7b"), (["ab", "c"], "04f360e50ae88219be5331460eb99855"),
            (["a", "bc"], "0b1ab3f8db794b960a66a36ff1cd6969"), (["é", "AAPL"], "02105f07ed63232ca76a831ba72cc2aa"),
            (["span", "m-01"], "c105ce662c1d2503e116be54b895a45e"),
        ] as [([String], String)]
    )
    func `never changes`(parts: [String], hash: String) {
        #expect(StableHash.hexadecimal(parts) == hash)
    }

    @Test func `derived ids do not collide`() {
        var whole: Set<String> = []
        var halves: [Set<Substring>] = [[], []]
        for trade in 0..<1000 {
            for step in 0..<100 {
                let id = MessageID(derivedFrom: "order.filled", "T\(trade)-20251028T143000Z", "\(step)").rawValue
                whole.insert(id)
                halves[0].insert(id.prefix(16))
                halves[1].insert(id.suffix(16))
            }
        }
        #expect(whole.count == 100_000)
        // Each half alone, because a span id is half a hash.
        #expect(halves.map(\.count) == [100_000, 100_000])
        #expect(whole.allSatisfy { TraceID($0) != nil })
    }

    @Test func `parts are kept apart`() {
        let divisions = [
            ["abc"], ["a", "bc"], ["ab", "c"], ["a", "b", "c"], ["", "abc"], ["abc", ""], ["a", "", "bc"],
        ]
        #expect(Set(divisions.map { StableHash.hexadecimal($0) }).count == divisions.count)
    }
}
