/// What an operator's tool says and writes.
package enum OperatorAccess {
    package static let publications: [EventName] = [
        .quoteRequested, .barsRequested, .statusRequested, .exitSignal, .exitRequested, .abortRequested,
        .tradingHalted, .tradingResumed,
    ]

    package static let writtenDocuments: [DocumentFamily] = [.halt]
}
