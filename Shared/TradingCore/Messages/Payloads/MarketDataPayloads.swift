/// `market_data.quote.requested`
package struct QuoteRequest: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol

    package init(symbol: Symbol) { self.symbol = symbol }

    package init(json: JSONValue) throws(JSONError) {
        self.init(symbol: try JSONObject(json).value("symbol"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("symbol", self.symbol) }
    }
}

/// `market_data.bars.requested`. Both ends are inclusive; an absent end means now.
package struct BarsRequest: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var timeframe: Timeframe
    package var start: Timestamp
    package var end: Timestamp?

    package init(symbol: Symbol, timeframe: Timeframe, start: Timestamp, end: Timestamp? = nil) {
        self.symbol = symbol
        self.timeframe = timeframe
        self.start = start
        self.end = end
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            timeframe: try object.value("timeframe"),
            start: try object.value("start"),
            end: try object.optional("end")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("timeframe", self.timeframe)
            $0.field("start", self.start)
            $0.field("end", self.end)
        }
    }
}

/// `market_data.status.requested`
package struct StatusRequest: Hashable, Sendable, JSONCodable {
    package init() {}

    package init(json: JSONValue) throws(JSONError) {
        _ = try JSONObject(json)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { _ in }
    }
}

/// `market_data.bars.received`: completed bars of one symbol, oldest first.
package struct BarsReceived: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var timeframe: Timeframe
    package var bars: [Bar]
    /// True when somebody asked for them; false for bars that have just been completed by the market.
    package var isHistorical: Bool

    package init(symbol: Symbol, timeframe: Timeframe, bars: [Bar], isHistorical: Bool) {
        self.symbol = symbol
        self.timeframe = timeframe
        self.bars = bars
        self.isHistorical = isHistorical
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            timeframe: try object.value("timeframe"),
            bars: try object.value("bars"),
            isHistorical: try object.value("historical")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("timeframe", self.timeframe)
            $0.field("bars", self.bars)
            $0.field("historical", self.isHistorical)
        }
    }
}

/// `market_data.market.status`
package struct MarketStatus: Hashable, Sendable, JSONCodable {
    package var isOpen: Bool
    /// True when the session has just opened or closed; false in answer to a request.
    package var isTransition: Bool
    /// The session that opened or closed last.
    package var sessionDate: CalendarDate
    package var nextOpen: Timestamp?
    package var nextClose: Timestamp?
    /// From that session's date on, as far as the calendar is known. None is traded on further than both sides say open.
    package var disagreements: [CalendarDisagreement]

    package init(
        isOpen: Bool,
        isTransition: Bool,
        sessionDate: CalendarDate,
        nextOpen: Timestamp?,
        nextClose: Timestamp?,
        disagreements: [CalendarDisagreement] = []
    ) {
        self.isOpen = isOpen
        self.isTransition = isTransition
        self.sessionDate = sessionDate
        self.nextOpen = nextOpen
        self.nextClose = nextClose
        self.disagreements = disagreements
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            isOpen: try object.value("is_open"),
            isTransition: try object.value("transition"),
            sessionDate: try object.value("session_date"),
            nextOpen: try object.optional("next_open"),
            nextClose: try object.optional("next_close"),
            disagreements: try object.optional("calendar_disagreements") ?? []
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("is_open", self.isOpen)
            $0.field("transition", self.isTransition)
            $0.field("session_date", self.sessionDate)
            $0.field("next_open", self.nextOpen)
            $0.field("next_close", self.nextClose)
            $0.field("calendar_disagreements", self.disagreements.isEmpty ? nil : self.disagreements)
        }
    }
}
