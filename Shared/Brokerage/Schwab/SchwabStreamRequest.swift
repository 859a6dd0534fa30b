import TradingCore

/// One request to the stream; several may go out in one frame.
struct SchwabStreamRequest: JSONEncodable {
    let service: String
    let command: String
    let number: Int
    let streamer: SchwabStreamer
    let parameters: [(name: String, value: String)]

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("service", self.service)
            writer.field("command", self.command)
            writer.field("requestid", String(self.number))
            writer.field("SchwabClientCustomerId", self.streamer.customerID)
            writer.field("SchwabClientCorrelId", self.streamer.correlationID)
            writer.object("parameters") {
                for (name, value) in self.parameters { $0.field(name, value) }
            }
        }
    }

    static func frame(_ requests: [SchwabStreamRequest]) -> String {
        var writer = JSONWriter()
        writer.object { $0.field("requests", requests) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
