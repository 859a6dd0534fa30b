import BrokerSimulator
import Testing

struct FaultOrderTests {
    @Test(arguments: Fault.allCases) func `every fault strikes all that it says it does`(fault: Fault) throws {
        #expect(!fault.targets.isEmpty)
        for target in fault.targets {
            let order = try FaultOrder("\(fault.rawValue):\(target.rawValue):after=2:every=3:times=4")
            #expect(order.fault == fault)
            #expect(order.target == target)
            #expect(order.after == 2 && order.every == 3 && order.times == 4)
            #expect(try FaultOrder(order.description) == order)
        }
    }

    @Test func `seconds and percent are read and written exactly`() throws {
        #expect(try FaultOrder("delay:entry").description == "delay:entry:after=0:every=1:seconds=20")
        #expect(try FaultOrder("delay:entry:seconds=0.25").description.hasSuffix(":seconds=0.250"))
        #expect(try FaultOrder("clock-skew:clock:seconds=-1.5").description.hasSuffix(":seconds=-1.500"))
        #expect(try FaultOrder("partial-fill:stop:percent=7").description.hasSuffix(":percent=7"))
    }

    @Test(arguments: [
        ("", "\"\" is no fault. There are accept-then-504"),
        ("explode:entry", "\"explode\" is no fault"),
        ("delay", "there is no target that delay strikes. It strikes entry, stop"),
        ("silent:entry", "\"entry\" is nothing that silent strikes. It strikes updates, quotes"),
        ("503:look:often=2", "\"often=2\" is no parameter of 503. It takes after, every, times"),
        ("503:look:seconds=2", "\"seconds=2\" is no parameter of 503"),
        ("503:look:every=0", "every takes a whole number from 1 up"),
        ("delay:look:seconds=soon", "seconds takes up to 86400"),
        ("delay:look:seconds=-1", "seconds takes up to 86400"),
        ("partial-fill:entry:percent=100", "percent takes a whole number from 1 to 99"),
    ])
    func `nonsense is refused with its place and the remedy`(text: String, reason: String) throws {
        let error = #expect(throws: BrokerSimulatorError.self) { try FaultOrder(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        guard !text.isEmpty else { return }
        let second = #expect(throws: BrokerSimulatorError.self) { try [FaultOrder](ordered: "429:stop, \(text)") }
        #expect(second?.description.hasPrefix("order 2: \"\(text)\" orders no fault") == true)
    }
}
