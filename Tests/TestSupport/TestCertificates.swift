import Glibc

/// A certificate authority and servers' certificates, made by openssl for one test in a folder that goes with them.
package struct TestCertificates: Sendable {
    private let folder: TemporaryFolder
    /// The authority that signed the servers' certificates.
    package var authority: String { "\(self.folder.path)/authority.pem" }
    /// An authority that signed nothing.
    package var stranger: String { "\(self.folder.path)/stranger.pem" }
    package var strangersKey: String { "\(self.folder.path)/stranger.key" }
    /// Valid for localhost and 127.0.0.1.
    package var valid: String { "\(self.folder.path)/valid.pem" }
    /// Valid for another host.
    package var otherHost: String { "\(self.folder.path)/other-host.pem" }
    /// Ended yesterday.
    package var expired: String { "\(self.folder.path)/expired.pem" }
    /// The key of all servers' certificates.
    package var key: String { "\(self.folder.path)/server.key" }
    /// The same, encrypted.
    package var encryptedKey: String { "\(self.folder.path)/encrypted.key" }

    package init() throws {
        self.folder = try TemporaryFolder()
        let script = """
            set -eu; cd "$1"; exec 2>openssl.log
            ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            for name in authority stranger; do
              openssl req -x509 $ec -keyout $name.key -out $name.pem -subj "/CN=$name" -days 2
            done
            openssl req $ec -keyout server.key -out server.csr -subj /CN=server
            sign() {
              echo "subjectAltName=$2" > names
              openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial \\
                -days $3 -extfile names -out $1.pem
            }
            sign valid DNS:localhost,IP:127.0.0.1 2
            sign other-host DNS:elsewhere.example 2
            sign expired DNS:localhost,IP:127.0.0.1 -1
            openssl pkey -in server.key -aes128 -passout pass:hunter2 -out encrypted.key
            echo made
            """
        let maker = try ChildProcess(["sh", "-c", script, "sh", self.folder.path], capturesOutput: true)
        defer { maker.end(with: SIGTERM) }
        guard maker.nextLine() == "made" else {
            let log = self.folder.text("openssl.log")?.suffix(500) ?? "(no log)"
            throw TestFailure("openssl made no certificates. Its log ends with: \(log)")
        }
    }
}
