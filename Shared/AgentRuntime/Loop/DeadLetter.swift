import CoreMetrics
import Logging
import MessageBus
import Telemetry
import TradingCore

/// A message that cannot be handled, as an entry of the dead-letter stream.
struct DeadLetter: JSONEncodable {
    let agent: AgentName
    let delivery: Delivery
    let reason: String

    /// Acknowledges the message and puts the letter in its place, in one step; then counts it and says so in the log.
    func send(on bus: any MessageBus, logger: Logger) throws {
        var commit = Commit()
        commit.acknowledge = self.delivery.input(of: self.agent)
        commit.messages = [
            OutboundMessage(
                stream: .deadLetter,
                channel: StreamName.deadLetter.rawValue,
                body: JSONWriter.bytes(self)
            )
        ]
        // Else another replica has dealt with it.
        guard try bus.commit(commit) == .committed else { return }
        Counter(label: MetricName.deadLetters.rawValue).increment()
        let message = try? Message(decoding: self.delivery.body)
        let scope = message.map { LogScope(traceID: $0.traceID, tradeID: $0.tradeID) }
        logger.error(
            "message set aside as a dead letter",
            metadata: (scope?.metadata ?? [:]).merging([
                "message.stream": "\(self.delivery.stream)", "message.entry": "\(self.delivery.id)",
                "reason": "\(self.reason)",
            ]) { $1 }
        )
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("reason", self.reason)
            $0.field("agent", self.agent.rawValue)
            $0.field("stream", self.delivery.stream.rawValue)
            $0.field("entry", self.delivery.id)
            $0.field("deliveries", self.delivery.deliveryCount)
            // Bytes that are no UTF-8 become replacement characters: the letter has to stay readable.
            $0.field("body", String(decoding: self.delivery.body, as: UTF8.self))
        }
    }
}

extension Delivery {
    /// What a commit acknowledges that handles this.
    func input(of agent: AgentName) -> Acknowledgement {
        Acknowledgement(stream: self.stream, group: agent.rawValue, id: self.id)
    }
}
