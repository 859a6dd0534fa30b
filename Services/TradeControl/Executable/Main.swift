import ArgumentParser
import TradeControl

@main
enum Main {
    static func main() {
        TradeControlCommand.main()
    }
}
