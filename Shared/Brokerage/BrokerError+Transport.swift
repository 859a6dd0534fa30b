import HTTPTransport

extension BrokerError {
    /// `setting` names the key that holds the address, for the person who has to correct it.
    init(_ error: HTTPTransportError, setting: String) {
        let remedy =
            switch error.code {
            case .couldNotResolve, .couldNotConnect, .malformedURL: "; check \(setting)"
            case .timedOut where !error.requestMayHaveBeenSent: "; check \(setting)"
            case .tls: "; check \(setting), and TLS_AUTHORITIES_FILE if the server's certificate is not a public one"
            case .timedOut, .connectionLost, .responseTooLarge, .withheld, .withdrawn, .other: ""
            }
        let kind: Kind =
            switch error.code {
            case .withheld: .withheld
            default: error.requestMayHaveBeenSent ? .unknownOutcome : .notExecuted
            }
        self.init(kind, error.message + remedy)
    }
}
