import Brokerage
import HTTPTransport
import Synchronization

/// A copy of a feed that finds out, on a thread of its own, what its next connection needs.
final class FeedPreparation: Sendable {
    private let result = Mutex<Result<any BrokerFeed, BrokerError>?>(nil)

    /// `wake` is called on that thread when `outcome` is there.
    init(of feed: any BrokerFeed, wake: @escaping @Sendable () -> Void) {
        let error = DetachedThread.start {
            var copy = feed
            do throws(BrokerError) {
                try copy.prepare()
                self.finish(.success(copy))
            } catch {
                self.finish(.failure(error))
            }
            wake()
        }
        if let error { self.finish(.failure(BrokerError(.notExecuted, "no thread could be started (errno \(error))"))) }
    }

    /// Nil until it is done.
    var outcome: Result<any BrokerFeed, BrokerError>? { self.result.withLock { $0 } }

    private func finish(_ outcome: Result<any BrokerFeed, BrokerError>) {
        self.result.withLock { $0 = outcome }
    }
}
