import Glibc

/// A certificate authority and servers' certificates, made by openssl for one test in a folder of its own.
package struct TestCertificates {
    package let folder: String
    /// The authority that signed the servers' certificates.
    package var authority: String { "\(self.folder)/authority.pem" }
    /// An authority that signed nothing.
    package var stranger: String { "\(self.folder)/stranger.pem" }
    /// Valid for localhost and 127.0.0.1.
    package var valid: String { "\(self.folder)/valid.pem" }
    /// Valid for another host.
    package var otherHost: String { "\(self.folder)/other-host.pem" }
    /// Ended yesterday.
    package var expired: String { "\(self.folder)/expired.pem" }
    /// The key of all servers' certificates.
    package var key: String { "\(self.folder)/server.key" }

    package init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/quintet-certificates-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ChildProcess.Failure(description: "No temporary folder could be made: error \(errno).")
        }
        self.folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
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
            echo made
            """
        let maker = try ChildProcess(["sh", "-c", script, "sh", self.folder], capturesOutput: true)
        defer { maker.end(with: SIGTERM) }
        guard maker.nextLine() == "made" else {
            throw ChildProcess.Failure(description: "openssl made no certificates: see \(self.folder)/openssl.log")
        }
    }

    package func remove() {
        for name in ["authority", "stranger", "valid", "other-host", "expired", "server"] {
            for ending in ["pem", "key", "csr", "srl"] { unlink("\(self.folder)/\(name).\(ending)") }
        }
        for name in ["names", "openssl.log"] { unlink("\(self.folder)/\(name)") }
        rmdir(self.folder)
    }
}
