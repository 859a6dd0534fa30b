import Glibc

/// Speaks TLS on a loopback port of its own and passes what it hears on, in plain, to another port.
package final class TLSTerminator: Sendable {
    package let port: Int
    private let process: ChildProcess

    package init(certificate: String, key: String, to backend: Int) throws {
        let arguments = ["python3", "-c", Self.program, certificate, key, String(backend)]
        self.process = try ChildProcess(arguments, capturesOutput: true)
        guard let port = self.process.nextLine().flatMap({ Int($0) }) else {
            throw TestFailure("python3 could not serve TLS.")
        }
        self.port = port
    }

    package func stop() { self.process.end(with: SIGKILL) }

    private static let program = """
        import socket, ssl, sys, threading
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        def carry(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        def serve(raw):
            try:
                client = context.wrap_socket(raw, server_side=True)
            except OSError:
                return
            backend = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
            threading.Thread(target=carry, args=(client, backend), daemon=True).start()
            carry(backend, client)
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """
}
