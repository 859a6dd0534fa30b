import HTTPTransport
import TradingCore

/// Where the stream is and what its login needs, as the user's preferences tell it.
struct SchwabStreamer: Sendable, SchwabSecretKeeper {
    let url: String
    let customerID: String
    let correlationID: String
    let channel: String
    let functionID: String
    let accessToken: String

    /// Blocks; `refusedToken` is one that the stream has turned away.
    init(
        endpoints: SchwabEndpoints,
        client: any HTTPClient,
        now: @escaping () -> Timestamp,
        refusedToken: String?
    ) throws(BrokerError) {
        let session = SchwabSession(endpoints: endpoints, client: client, now: now)
        _ = try session.accessToken(insteadOf: refusedToken)
        let answer = try session.send(.get, "/trader/v1/userPreference", as: "GET userPreference")
        let information = try answer.decoded(as: Preference.self)
        self.url = information.url
        self.customerID = information.customerID
        self.correlationID = information.correlationID
        self.channel = information.channel
        self.functionID = information.functionID
        self.accessToken = try session.accessToken()
    }

    private struct Preference: JSONDecodable {
        let url: String
        let customerID: String
        let correlationID: String
        let channel: String
        let functionID: String

        /// The specification says that the preferences are an array of one; on the wire they are the one.
        init(json: JSONValue) throws(JSONError) {
            var preference = json
            if case .array(let elements) = json { preference = elements.first ?? .null }
            guard
                let first = try JSONObject(preference).value("streamerInfo", as: [JSONValue].self).first
            else { throw JSONError("is empty").inside("streamerInfo") }
            let object = try JSONObject(first)
            self.url = try object.value("streamerSocketUrl")
            self.customerID = try object.value("schwabClientCustomerId")
            self.correlationID = try object.value("schwabClientCorrelId")
            self.channel = try object.value("schwabClientChannel")
            self.functionID = try object.value("schwabClientFunctionId")
        }
    }
}
