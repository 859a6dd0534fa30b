import ArgumentParser
import Glibc

/// For a command that asks at the terminal before it does something.
struct ConfirmationOptions: ParsableArguments {
    @Flag(help: "Do not ask.")
    var yes = false

    /// Shows `text`, whole lines, and asks, unless it was said not to.
    ///
    /// - Throws: `CommandFailure` unless there is somebody to ask, and the answer is yes.
    func ask(_ question: String, about text: String) throws(CommandFailure) {
        guard !self.yes else { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure(.usage, "There is no terminal to ask on: say --yes. Nothing was done.")
        }
        FileSystem.write(Display.plain("\(text)\(question) [y/N] "), to: STDERR_FILENO)
        guard ["y", "yes"].contains(readLine()?.lowercased()) else {
            throw CommandFailure(.failed, "Nothing was done.")
        }
    }
}
