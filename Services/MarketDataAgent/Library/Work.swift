import TradingCore

/// What one decision of the agent has come to so far.
struct Work {
    var clock: Versioned<MarketClock>?
    private let unchangedClock: MarketClock?
    var schedule: StoredSchedule?
    private var result = Decision()

    init(clock: Versioned<MarketClock>?) {
        self.clock = clock
        self.unchangedClock = clock?.value
    }

    mutating func say(_ message: Message) { self.result.messages.append(message) }
    mutating func publish(_ quote: Message) { self.result.quotes.append(quote) }
    mutating func note(_ note: Note) { self.result.notes.append(note) }

    func finish() -> Decision {
        var decision = self.result
        if let clock, clock.value != self.unchangedClock { decision.write(clock) }
        if let schedule {
            decision.puts.append((DocumentKey.schedule, JSONWriter.bytes(schedule)))
        }
        return decision
    }
}

/// The broker's calendar as it is kept in the ledger.
struct StoredSchedule: JSONCodable, Sendable {
    let schedule: SessionSchedule
    /// Where the exchanges' rules say something else than the broker, in order of date.
    let disagreements: [CalendarDisagreement]

    init(_ schedule: SessionSchedule, disagreements: [CalendarDisagreement] = []) {
        self.schedule = schedule
        self.disagreements = disagreements
    }

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let first: CalendarDate = try object.value("from")
        let last: CalendarDate = try object.value("to")
        guard first <= last else { throw JSONError("from is after to") }
        self.disagreements = try object.optional("disagreements") ?? []
        do {
            self.schedule = try SessionSchedule(try object.value("sessions"), covering: first...last)
        } catch let error as JSONError {
            throw error
        } catch {
            throw JSONError("\(error)")
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("from", self.schedule.coveredDates?.lowerBound)
            $0.field("to", self.schedule.coveredDates?.upperBound)
            $0.field("sessions", self.schedule.sessions)
            $0.field("disagreements", self.disagreements.isEmpty ? nil : self.disagreements)
        }
    }
}
