/// What an event means to an order.
package enum OrderStep: Hashable, Sendable {
    case moves(to: OrderState)
    /// Late, repeated or out of order: says nothing new.
    case absorbed
    /// A fill after a cancel, rejection or expiry. It is real: book it, and raise an alarm.
    case alarmedFill(to: OrderState)
}

/// `intent → submitted → accepted → partially_filled → filled | cancelled | rejected | expired`, plus `unknown`.
///
/// Brokers' channels overtake each other, so every event that is behind the state is absorbed, and an event that is
/// ahead skips what lies between. Terminal states absorb everything but a fill.
package enum OrderStateMachine {
    /// What `event` means to an order in `state`: every pair has an answer.
    package static func step(_ state: OrderState, on event: OrderEvent) -> OrderStep {
        switch (state, event) {
        case (.intent, .submitted), (.unknown, .submitted): .moves(to: .submitted)
        case (.intent, .outcomeUnknown): .moves(to: .unknown)
        case (.intent, .accepted), (.submitted, .accepted), (.unknown, .accepted): .moves(to: .accepted)
        case (.intent, .partiallyFilled), (.submitted, .partiallyFilled), (.accepted, .partiallyFilled),
            (.unknown, .partiallyFilled), (.partiallyFilled, .partiallyFilled):
            .moves(to: .partiallyFilled)
        case (.intent, .filled), (.submitted, .filled), (.accepted, .filled), (.partiallyFilled, .filled),
            (.unknown, .filled):
            .moves(to: .filled)
        case (.intent, .cancelled), (.submitted, .cancelled), (.accepted, .cancelled), (.partiallyFilled, .cancelled),
            (.unknown, .cancelled):
            .moves(to: .cancelled)
        case (.intent, .rejected), (.submitted, .rejected), (.accepted, .rejected), (.partiallyFilled, .rejected),
            (.unknown, .rejected):
            .moves(to: .rejected)
        case (.intent, .expired), (.submitted, .expired), (.accepted, .expired), (.partiallyFilled, .expired),
            (.unknown, .expired):
            .moves(to: .expired)
        case (.cancelled, .filled), (.rejected, .filled), (.expired, .filled): .alarmedFill(to: .filled)
        case (.cancelled, .partiallyFilled), (.rejected, .partiallyFilled), (.expired, .partiallyFilled):
            .alarmedFill(to: state)
        case (.submitted, .submitted), (.submitted, .outcomeUnknown), (.unknown, .outcomeUnknown),
            (.accepted, .submitted), (.accepted, .accepted), (.accepted, .outcomeUnknown),
            (.partiallyFilled, .submitted), (.partiallyFilled, .accepted), (.partiallyFilled, .outcomeUnknown):
            .absorbed
        case (.filled, _), (.cancelled, _), (.rejected, _), (.expired, _): .absorbed
        }
    }
}
