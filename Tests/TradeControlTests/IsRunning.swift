import TestSupport

/// A process that has ended, but whose parent has not looked yet, is not running.
func isRunning(_ pid: Int32) -> Bool {
    guard let status = Files.text("/proc/\(pid)/stat"), let name = status.lastIndex(of: ")") else { return false }
    return status[name...].dropFirst(2).first != "Z"
}
