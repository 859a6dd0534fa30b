import ArgumentParser
import Glibc

/// For a command that asks at the terminal before it does something.
struct ConfirmationOptions: ParsableArguments {
    @Flag(help: "Do not ask.")
    var yes = false

    func validate() throws {
        guard self.yes || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("there is no terminal to ask on: say --yes")
        }
    }

    /// Shows `text`, whole lines, and asks, unless it was said not to.
    ///
    /// - Throws: `CommandFailure` unless the answer is yes.
    func ask(_ question: String, about text: String) throws(CommandFailure) {
        guard !self.yes else { return }
        FileSystem.write(Display.plain("\(text)\(question) [y/N] "), to: STDERR_FILENO)
        guard ["y", "yes"].contains(readLine()?.lowercased()) else {
            throw CommandFailure(.failed, "Nothing was done.")
        }
    }
}
