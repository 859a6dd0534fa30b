"""alpaca-py's TradingClient."""

import datetime

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AccountStatus, OrderClass, OrderSide, OrderStatus, OrderType, QueryOrderStatus, TimeInForce,
)
from alpaca.trading.models import TradeActivity
from alpaca.trading.requests import (
    ClosePositionRequest, GetAssetsRequest, GetCalendarRequest, GetOrderByIdRequest, GetOrdersRequest, LimitOrderRequest,
    MarketOrderRequest, ReplaceOrderRequest, StopLimitOrderRequest, StopLossRequest, StopOrderRequest,
    TakeProfitRequest, TrailingStopOrderRequest,
)

from simulator import KEY, SECRET, SimulatorTestCase

DAY, GTC = TimeInForce.DAY, TimeInForce.GTC


def client_of(simulator, key=KEY):
    client = TradingClient(key, SECRET, paper=True, url_override=simulator.url)
    # Its default sends a POST again that may have been carried out.
    client._retry = 0
    return client


class TradingTests(SimulatorTestCase):
    def setUp(self):
        super().setUp()
        self.client = client_of(self.simulator)

    def buy(self, symbol="AAPL", quantity=10, **fields):
        return self.client.submit_order(
            MarketOrderRequest(symbol=symbol, qty=quantity, side=OrderSide.BUY, time_in_force=DAY, **fields)
        )

    def order(self, order_id):
        return self.client.get_order_by_id(order_id)

    def assert_refused(self, status, code, call, *arguments, **fields):
        with self.assertRaises(APIError) as caught:
            call(*arguments, **fields)
        self.assertEqual((caught.exception.status_code, caught.exception.code), (status, code))
        self.assertTrue(caught.exception.message)
        return caught.exception

    # The account and the market

    def test_account_says_what_there_is_to_spend(self):
        account = self.client.get_account()
        self.assertIs(account.status, AccountStatus.ACTIVE)
        self.assertEqual((account.cash, account.equity, account.buying_power), ("10000", "10000", "10000"))
        self.assertFalse(account.trading_blocked or account.account_blocked or account.trade_suspended_by_user)

    def test_clock_and_calendar_agree_on_the_session(self):
        self.assertFalse(self.client.get_clock().is_open)
        self.pacer.until("q", "AAPL")
        clock = self.client.get_clock()
        self.assertTrue(clock.is_open)
        days = self.client.get_calendar(
            GetCalendarRequest(start=datetime.date(2026, 3, 2), end=datetime.date(2026, 3, 9))
        )
        self.assertEqual([day.date.day for day in days], [2, 3, 4, 5, 6, 9])
        self.assertEqual((days[0].open.hour, days[0].open.minute), (9, 30))
        self.assertEqual(clock.next_close.replace(tzinfo=None), days[0].close)
        self.assertEqual(clock.next_open.replace(tzinfo=None), days[1].open)

    def test_assets_are_listed_and_found_by_symbol_and_id(self):
        assets = self.client.get_all_assets(GetAssetsRequest())
        self.assertEqual([asset.symbol for asset in assets], ["AAPL", "MSFT"])
        self.assertEqual(self.client.get_asset("MSFT"), assets[1])
        self.assertEqual(self.client.get_asset(assets[0].id).symbol, "AAPL")
        self.assert_refused(404, 40410000, self.client.get_asset, "NONE")

    def test_account_configuration_is_changed_and_suspends_trading(self):
        configuration = self.client.get_account_configurations()
        self.assertFalse(configuration.suspend_trade)
        configuration.suspend_trade = True
        self.assertTrue(self.client.set_account_configurations(configuration).suspend_trade)
        self.assertTrue(self.client.get_account().trade_suspended_by_user)
        self.pacer.until("q", "AAPL")
        self.assert_refused(403, 40310000, self.buy)
        configuration.suspend_trade = False
        self.client.set_account_configurations(configuration)
        self.assertIs(self.order(self.buy().id).status, OrderStatus.FILLED)

    def test_wrong_key_is_refused(self):
        self.assert_refused(401, 40110000, client_of(self.simulator, "another").get_account)

    # Orders

    def test_market_order_fills_at_the_open_price(self):
        self.pacer.until("q", "AAPL")
        order = self.order(self.buy(client_order_id="one").id)
        self.assertIs(order.status, OrderStatus.FILLED)
        self.assertEqual((order.filled_qty, order.filled_avg_price), ("10", "100"))
        self.assertIsNotNone(order.filled_at)
        self.assertEqual(self.client.get_order_by_client_id("one").id, order.id)

    def test_limit_order_waits_for_its_price(self):
        self.pacer.until("q", "AAPL")
        order = self.client.submit_order(LimitOrderRequest(
            symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=DAY, limit_price=98
        ))
        self.assertIs(order.order_type, OrderType.LIMIT)
        self.assertEqual(order.limit_price, "98")
        self.assertIs(self.order(order.id).status, OrderStatus.NEW)
        self.pacer.until("q", "AAPL")
        self.assertEqual(self.order(order.id).filled_avg_price, "98")

    def test_stop_stop_limit_and_trailing_stop_protect(self):
        self.pacer.until("q", "AAPL")
        self.buy(quantity=30)
        common = {"symbol": "AAPL", "qty": 10, "side": OrderSide.SELL, "time_in_force": GTC}
        stop = self.client.submit_order(StopOrderRequest(stop_price=98, **common))
        limit = self.client.submit_order(StopLimitOrderRequest(stop_price=98.5, limit_price=96, **common))
        trailing = self.client.submit_order(TrailingStopOrderRequest(trail_percent=2.5, **common))
        self.assertEqual(
            [order.order_type for order in (stop, limit, trailing)],
            [OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP],
        )
        self.assertEqual((stop.stop_price, limit.limit_price, trailing.trail_percent), ("98", "96", "2.5"))
        self.assertEqual(self.order(trailing.id).hwm, "100")
        # Three times ten shares are held, and nothing is left to sell.
        self.assertEqual(self.client.get_open_position("AAPL").qty_available, "0")
        self.assert_refused(
            403, 40310000, self.client.submit_order, MarketOrderRequest(**{**common, "time_in_force": DAY})
        )
        self.pacer.until("q", "AAPL")
        self.assertEqual(
            [self.order(order.id).status for order in (stop, limit, trailing)], [OrderStatus.FILLED] * 3
        )
        self.assert_refused(404, 40410000, self.client.get_open_position, "AAPL")

    def test_orders_are_listed_by_what_is_asked(self):
        self.pacer.until("q", "MSFT")
        filled = self.buy()
        waiting = [
            self.client.submit_order(LimitOrderRequest(
                symbol=symbol, qty=1, side=OrderSide.BUY, time_in_force=DAY, limit_price=50
            ))
            for symbol in ("AAPL", "MSFT", "AAPL")
        ]

        def listed(**fields):
            return [order.id for order in self.client.get_orders(GetOrdersRequest(**fields))]

        self.assertEqual(listed(), [order.id for order in reversed(waiting)])
        self.assertEqual(listed(status=QueryOrderStatus.CLOSED), [filled.id])
        self.assertEqual(len(listed(status=QueryOrderStatus.ALL)), 4)
        self.assertEqual(listed(symbols=["MSFT"]), [waiting[1].id])
        self.assertEqual(listed(limit=1, direction="asc"), [waiting[0].id])
        self.assertEqual(listed(side=OrderSide.SELL), [])
        self.assertEqual(listed(after=filled.submitted_at + datetime.timedelta(days=1)), [])
        self.assertEqual(len(listed(until=filled.submitted_at + datetime.timedelta(days=1), nested=True)), 3)

    def test_replaced_order_gets_a_new_id(self):
        self.pacer.until("q", "AAPL")
        old = self.client.submit_order(LimitOrderRequest(
            symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=DAY, limit_price=50
        ))
        new = self.client.replace_order_by_id(old.id, ReplaceOrderRequest(qty=12, limit_price=51))
        self.assertNotEqual(new.id, old.id)
        self.assertEqual((new.replaces, new.qty, new.limit_price), (old.id, "12", "51"))
        before = self.order(old.id)
        self.assertIs(before.status, OrderStatus.REPLACED)
        self.assertEqual(before.replaced_by, new.id)
        self.assert_refused(422, 42210000, self.client.replace_order_by_id, old.id, ReplaceOrderRequest(limit_price=52))

    def test_orders_are_cancelled_one_and_all(self):
        self.pacer.until("q", "AAPL")
        orders = [
            self.client.submit_order(LimitOrderRequest(
                symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=DAY, limit_price=price
            ))
            for price in (50, 51, 52)
        ]
        self.client.cancel_order_by_id(orders[0].id)
        self.assertIs(self.order(orders[0].id).status, OrderStatus.CANCELED)
        self.assertIsNotNone(self.order(orders[0].id).canceled_at)
        results = self.client.cancel_orders()
        self.assertEqual({(result.id, result.status) for result in results}, {(each.id, 200) for each in orders[1:]})
        self.assertEqual(self.client.get_orders(), [])
        filled = self.buy()
        self.assert_refused(422, 42210000, self.client.cancel_order_by_id, filled.id)
        self.assert_refused(404, 40410000, self.client.cancel_order_by_id, "00000000-0000-4000-8000-000000000000")

    def test_refusals_arrive_with_their_code(self):
        self.pacer.until("q", "AAPL")
        refusal = self.assert_refused(403, 40310000, self.buy, quantity=1000)
        self.assertIn("buying_power", str(refusal))
        self.buy(client_order_id="twice")
        refusal = self.assert_refused(422, 40010001, self.buy, client_order_id="twice")
        self.assertEqual(refusal.message, "client_order_id must be unique")
        self.assert_refused(422, 42210000, self.buy, symbol="NONE")
        self.assert_refused(404, 40410000, self.client.get_order_by_client_id, "never")
        self.assert_refused(404, 40410000, self.order, "00000000-0000-4000-8000-000000000000")

    # Orders that depend on each other

    def statuses(self, order):
        """Of an order and its legs."""
        order = self.client.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
        return [order.status] + [leg.status for leg in order.legs]

    def test_bracket_ends_with_its_target(self):
        self.pacer.until("q", "AAPL")
        bracket = self.buy(
            order_class=OrderClass.BRACKET, take_profit=TakeProfitRequest(limit_price=103),
            stop_loss=StopLossRequest(stop_price=96),
        )
        self.assertIs(bracket.order_class, OrderClass.BRACKET)
        self.assertEqual([leg.order_type for leg in bracket.legs], [OrderType.LIMIT, OrderType.STOP])
        self.assertEqual({leg.side for leg in bracket.legs}, {OrderSide.SELL})
        self.assertIs(self.statuses(bracket)[0], OrderStatus.FILLED)
        self.assertEqual(self.client.get_open_position("AAPL").qty_available, "0")
        self.pacer.until("q", "AAPL", 2)
        self.assertEqual(self.statuses(bracket), [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.CANCELED])
        self.assertEqual(self.order(bracket.legs[0].id).filled_avg_price, "103")
        self.assert_refused(
            422, 42210000, self.buy, order_class=OrderClass.BRACKET, take_profit=TakeProfitRequest(limit_price=90),
            stop_loss=StopLossRequest(stop_price=96),
        )

    def test_one_triggers_other_protects(self):
        self.pacer.until("q", "AAPL")
        order = self.client.submit_order(LimitOrderRequest(
            symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=GTC, limit_price=98, order_class=OrderClass.OTO,
            stop_loss=StopLossRequest(stop_price=95),
        ))
        self.assertEqual(self.statuses(order), [OrderStatus.NEW, OrderStatus.HELD])
        self.pacer.until("q", "AAPL")
        self.assertEqual(self.statuses(order)[0], OrderStatus.FILLED)
        self.assertNotEqual(self.statuses(order)[1], OrderStatus.HELD)
        self.client.cancel_order_by_id(order.legs[0].id)
        self.assertEqual(self.client.get_open_position("AAPL").qty_available, "10")

    def test_one_cancels_other_ends_with_its_stop(self):
        self.pacer.until("q", "AAPL")
        self.buy()
        pair = self.client.submit_order(LimitOrderRequest(
            symbol="AAPL", qty=10, side=OrderSide.SELL, time_in_force=GTC, order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=110), stop_loss=StopLossRequest(stop_price=98),
        ))
        self.assertEqual((pair.limit_price, pair.legs[0].stop_price), ("110", "98"))
        self.pacer.until("q", "AAPL")
        self.assertEqual(self.statuses(pair), [OrderStatus.CANCELED, OrderStatus.FILLED])
        self.assertEqual(self.client.get_all_positions(), [])

    # Positions and activities

    def test_position_is_valued_and_closed(self):
        self.pacer.until("q", "MSFT")
        self.buy(quantity=10)
        self.buy("MSFT", quantity=5)
        self.pacer.until("q", "AAPL")
        position, other = self.client.get_all_positions()
        self.assertEqual((position.symbol, position.qty, position.avg_entry_price), ("AAPL", "10", "100"))
        self.assertEqual((position.current_price, position.market_value), ("97", "970"))
        self.assertEqual((position.cost_basis, position.unrealized_pl), ("1000", "-30"))
        self.assertEqual(self.client.get_open_position(other.asset_id).symbol, "MSFT")
        order = self.client.close_position("AAPL", ClosePositionRequest(qty="4"))
        self.assertEqual((order.side, order.qty), (OrderSide.SELL, "4"))
        self.assertEqual(self.client.get_open_position("AAPL").qty, "6")
        self.client.close_position("AAPL", ClosePositionRequest(percentage="50"))
        self.assertEqual(self.client.get_open_position("AAPL").qty, "3")
        results = self.client.close_all_positions(cancel_orders=True)
        self.assertEqual(sorted((each.symbol, each.status) for each in results), [("AAPL", 200), ("MSFT", 200)])
        self.assertEqual(self.client.get_all_positions(), [])
        self.assert_refused(404, 40410000, self.client.close_position, "AAPL")

    def test_activities_tell_every_execution(self):
        self.pacer.until("q", "AAPL")
        account = self.client.get_account()
        orders = [self.buy(quantity=quantity) for quantity in (1, 2, 3)]

        def fills(**query):
            return [
                TradeActivity(account_id=str(account.id), **each)
                for each in self.client.get("/account/activities/FILL", query)
            ]

        self.assertEqual([(fill.qty, fill.price) for fill in fills(direction="asc")], [(1, 100), (2, 100), (3, 100)])
        self.assertEqual([fill.order_id for fill in fills()], [order.id for order in reversed(orders)])
        first, *_ = fills(page_size=1)
        self.assertRegex(first.id, r"^20260302093000000::[0-9a-f-]{36}$")
        self.assertEqual([fill.qty for fill in fills(page_size=1, page_token=first.id)], [2])
        self.assertEqual([fill.qty for fill in fills(order_id=str(orders[0].id))], [1])
