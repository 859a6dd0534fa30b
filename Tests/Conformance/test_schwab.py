"""schwab-py: its login, client, order builders and streamer."""

import asyncio
import datetime
import json
import time
import unittest.mock
import urllib.parse

import httpx
import schwab
from authlib.integrations.httpx_client import OAuth2Client
from schwab.auth import TokenMetadata
from schwab.orders.common import Duration, EquityInstruction, OrderStrategyType, OrderType, Session
from schwab.orders.common import first_triggers_second, one_cancels_other
from schwab.orders.equities import equity_buy_limit, equity_buy_market, equity_sell_limit, equity_sell_market
from schwab.orders.generic import OrderBuilder
from schwab.streaming import StreamClient
from schwab.utils import AccountHashMismatchException, UnsuccessfulOrderException, Utils

from simulator import DEADLINE, MINUTE_BARS, SimulatorTestCase

APP_KEY, APP_SECRET, REFRESH_TOKEN = "conformance-app", "conformance-app-secret", "conformance-refresh"
CALLBACK = "https://127.0.0.1:8182"
# The client asks for the last days if it is not told which, and the replay's are others.
FROM = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
TO = datetime.datetime(2026, 3, 12, tzinfo=datetime.timezone.utc)


class Redirect(httpx.BaseTransport):
    """The client knows one host only: its requests are taken to the simulator, and noted."""

    def __init__(self, port):
        self.port = port
        self.inner = httpx.HTTPTransport()
        self.paths = []

    def handle_request(self, request):
        self.paths.append(request.url.path)
        request.headers["Host"] = f"127.0.0.1:{self.port}"
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        return self.inner.handle_request(request)

    def close(self):
        self.inner.close()


def stop_order(symbol, quantity, price):
    return (
        OrderBuilder().set_order_type(OrderType.STOP).set_stop_price(price).set_session(Session.NORMAL)
        .set_duration(Duration.GOOD_TILL_CANCEL).set_order_strategy_type(OrderStrategyType.SINGLE)
        .add_equity_leg(EquityInstruction.SELL, symbol, quantity)
    )


class SchwabTestCase(SimulatorTestCase):
    settings = {
        "SCHWAB_APP_KEY": APP_KEY, "SCHWAB_APP_SECRET": APP_SECRET, "SCHWAB_REFRESH_TOKEN": REFRESH_TOKEN,
        "SCHWAB_ACCOUNT_NUMBER": "87654321",
    }

    def setUp(self):
        super().setUp()
        self.tokens = []
        self.client = self.client_with({
            "access_token": "expired", "refresh_token": REFRESH_TOKEN, "token_type": "Bearer", "expires_in": 1800,
            "expires_at": int(time.time()) - 60,
        })

    def client_with(self, token, secret=APP_SECRET):
        metadata = TokenMetadata(token, int(time.time()), lambda new, *_, **__: self.tokens.append(new))
        self.transport = Redirect(self.simulator.port)
        session = OAuth2Client(
            APP_KEY, client_secret=secret, token=token, leeway=300, transport=self.transport,
            token_endpoint=f"{self.simulator.url}/v1/oauth/token", update_token=metadata.wrapped_token_write_func(),
        )
        self.addCleanup(session.close)
        return schwab.client.Client(APP_KEY, session, token_metadata=metadata)

    def answer(self, response, status=200):
        self.assertEqual(response.status_code, status, response.text)
        return response.json() if response.text else None

    def account_hash(self):
        accounts = self.answer(self.client.get_account_numbers())
        self.assertEqual([account["accountNumber"] for account in accounts], ["87654321"])
        return accounts[0]["hashValue"]


class SchwabTests(SchwabTestCase):
    def setUp(self):
        super().setUp()
        self.hash = self.account_hash()
        self.utils = Utils(self.client, self.hash)

    def place(self, order):
        response = self.client.place_order(self.hash, order)
        self.answer(response, 201)
        number = self.utils.extract_order_id(response)
        self.assertIsInstance(number, int)
        return number

    def order(self, number):
        return self.answer(self.client.get_order(number, self.hash))

    def orders(self, **fields):
        return self.answer(self.client.get_orders_for_account(
            self.hash, from_entered_datetime=FROM, to_entered_datetime=TO, **fields
        ))

    def statuses(self, order):
        """Of an order, if it is one for shares, and of those under it."""
        own = [order["status"]] if "orderLegCollection" in order else []
        return own + [status for child in order.get("childOrderStrategies", []) for status in self.statuses(child)]

    # The login

    def test_expired_token_is_refreshed_before_the_first_call(self):
        self.assertEqual(self.transport.paths[0], "/v1/oauth/token")
        self.assertEqual(len(self.tokens), 1)
        self.assertNotEqual(self.client.token_metadata.token["access_token"], "expired")
        self.answer(self.client.get_accounts())
        self.assertEqual(self.transport.paths.count("/v1/oauth/token"), 1)

    def test_refused_refresh_is_an_error(self):
        token = {"access_token": "x", "refresh_token": "another", "token_type": "Bearer", "expires_at": 1}
        for client in (self.client_with(token), self.client_with({**token, "refresh_token": REFRESH_TOKEN}, "wrong")):
            with self.assertRaises(Exception) as caught:
                client.get_account_numbers()
            self.assertIn("OAuthError", type(caught.exception).__name__)

    def test_login_by_a_person_gives_a_token(self):
        context = schwab.auth.get_auth_context(APP_KEY, CALLBACK)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(context.authorization_url).query))
        page = httpx.get(f"{self.simulator.url}/v1/oauth/authorize", params=asked)
        self.assertIn("Approve", page.text)
        agreed = httpx.post(f"{self.simulator.url}/v1/oauth/authorize", data=asked)
        self.assertEqual(agreed.status_code, 302)
        self.assertIn("%40", agreed.headers["Location"])
        kept = []
        with unittest.mock.patch("schwab.auth.TOKEN_ENDPOINT", f"{self.simulator.url}/v1/oauth/token"):
            schwab.auth.client_from_received_url(
                APP_KEY, APP_SECRET, context, agreed.headers["Location"], lambda token, *_, **__: kept.append(token)
            )
        self.answer(self.client_with(kept[0]["token"]).get_account_numbers())

    def test_unknown_token_is_unauthorized(self):
        client = self.client_with({
            "access_token": "unknown", "refresh_token": REFRESH_TOKEN, "token_type": "Bearer",
            "expires_at": int(time.time()) + 1800,
        })
        self.assertEqual(self.answer(client.get_account_numbers(), 401)["errors"][0]["title"], "Unauthorized")

    # The account

    def test_accounts_tell_balances_and_positions(self):
        fields = self.client.Account.Fields.POSITIONS
        account = self.answer(self.client.get_account(self.hash, fields=fields))["securitiesAccount"]
        self.assertEqual((account["accountNumber"], account["currentBalances"]["cashBalance"]), ("87654321", 10000))
        self.assertNotIn("positions", account)
        self.pacer.until("q", "AAPL")
        self.place(equity_buy_market("AAPL", 10))
        accounts = self.answer(self.client.get_accounts(fields=fields))
        position = accounts[0]["securitiesAccount"]["positions"][0]
        self.assertEqual((position["instrument"]["symbol"], position["longQuantity"]), ("AAPL", 10))
        self.assertEqual((position["averagePrice"], position["marketValue"]), (100, 1000))
        self.answer(self.client.get_account("0" * 64), 400)

    def test_transactions_tell_every_trade(self):
        self.pacer.until("q", "AAPL")
        number = self.place(equity_buy_market("AAPL", 10))
        self.place(equity_sell_market("AAPL", 4))
        trades = self.answer(self.client.get_transactions(
            self.hash, start_date=FROM, end_date=TO, symbol="AAPL",
            transaction_types=[self.client.Transactions.TransactionType.TRADE],
        ))
        self.assertEqual(sorted(trade["netAmount"] for trade in trades), [-1000, 400])
        self.assertIn(number, [trade["orderId"] for trade in trades])
        self.assertEqual({item["price"] for trade in trades for item in trade["transferItems"]}, {100})

    def test_user_preferences_lead_to_the_streamer(self):
        preferences = self.answer(self.client.get_user_preferences())
        self.assertEqual(preferences["accounts"][0]["accountNumber"], "87654321")
        self.assertEqual(preferences["streamerInfo"][0]["streamerSocketUrl"], f"{self.simulator.stream_url}/ws")

    # Orders

    def test_market_order_is_placed_and_its_id_found(self):
        self.pacer.until("q", "AAPL")
        number = self.place(equity_buy_market("AAPL", 10))
        order = self.order(number)
        self.assertEqual((order["orderId"], order["status"], order["filledQuantity"]), (number, "FILLED", 10))
        execution = order["orderActivityCollection"][0]
        self.assertEqual((execution["activityType"], execution["executionType"]), ("EXECUTION", "FILL"))
        self.assertEqual(execution["executionLegs"][0]["price"], 100)
        other = self.client.place_order(self.hash, equity_buy_market("AAPL", 1))
        with self.assertRaises(AccountHashMismatchException):
            Utils(self.client, "another").extract_order_id(other)

    def test_order_is_replaced_by_one_with_a_new_id(self):
        self.pacer.until("q", "AAPL")
        old = self.place(equity_buy_limit("AAPL", 10, 50))
        response = self.client.replace_order(self.hash, old, equity_buy_limit("AAPL", 12, 51))
        self.answer(response, 201)
        new = self.utils.extract_order_id(response)
        self.assertNotEqual(new, old)
        self.assertEqual(self.order(old)["status"], "REPLACED")
        order = self.order(new)
        self.assertEqual((order["price"], order["quantity"], order["status"]), (51, 12, "WORKING"))

    def test_order_is_cancelled_once(self):
        self.pacer.until("q", "AAPL")
        number = self.place(equity_buy_limit("AAPL", 10, 50))
        self.answer(self.client.cancel_order(number, self.hash))
        self.assertEqual(self.order(number)["status"], "CANCELED")
        self.assertIn(self.client.cancel_order(number, self.hash).status_code, (400, 404))
        self.assertIn(self.client.cancel_order(number + 999, self.hash).status_code, (400, 404))

    def test_order_that_cannot_be_read_is_refused(self):
        response = self.client.place_order(self.hash, {"orderType": "LIMIT"})
        self.assertIn("message", self.answer(response, 400))
        with self.assertRaises(UnsuccessfulOrderException):
            self.utils.extract_order_id(response)

    def test_order_without_money_is_taken_and_then_rejected(self):
        self.pacer.until("q", "AAPL")
        order = self.order(self.place(equity_buy_limit("AAPL", 1000, 100)))
        self.assertEqual(order["status"], "REJECTED")
        self.assertTrue(order["statusDescription"])

    def test_entry_triggers_a_pair_of_which_one_cancels_the_other(self):
        self.pacer.until("q", "AAPL")
        number = self.place(first_triggers_second(
            equity_buy_limit("AAPL", 10, 99),
            one_cancels_other(equity_sell_limit("AAPL", 10, 103), stop_order("AAPL", 10, 96)),
        ))
        order = self.order(number)
        self.assertEqual(order["orderStrategyType"], "TRIGGER")
        self.assertEqual(order["childOrderStrategies"][0]["orderStrategyType"], "OCO")
        self.assertEqual(self.statuses(order), ["WORKING", "AWAITING_PARENT_ORDER", "AWAITING_PARENT_ORDER"])
        self.pacer.until("q", "AAPL")
        self.assertEqual(self.statuses(self.order(number)), ["FILLED", "WORKING", "AWAITING_STOP_CONDITION"])
        self.pacer.until("q", "AAPL")
        self.assertEqual(self.statuses(self.order(number)), ["FILLED", "FILLED", "CANCELED"])

    def test_pair_protects_shares_that_are_held(self):
        self.pacer.until("q", "AAPL")
        self.place(equity_buy_market("AAPL", 10))
        number = self.place(one_cancels_other(equity_sell_limit("AAPL", 10, 110), stop_order("AAPL", 10, 98)))
        self.assertEqual(self.statuses(self.order(number)), ["WORKING", "AWAITING_STOP_CONDITION"])
        self.pacer.until("q", "AAPL")
        self.assertEqual(self.statuses(self.order(number)), ["CANCELED", "FILLED"])

    def test_orders_are_listed_by_status_for_one_account_and_all(self):
        self.pacer.until("q", "AAPL")
        filled = self.place(equity_buy_market("AAPL", 1))
        working = self.place(equity_buy_limit("AAPL", 1, 50))
        status = self.client.Order.Status
        self.assertEqual({order["orderId"] for order in self.orders()}, {filled, working})
        self.assertEqual([order["orderId"] for order in self.orders(status=status.WORKING)], [working])
        self.assertEqual(len(self.orders(max_results=1)), 1)
        everywhere = self.answer(self.client.get_orders_for_all_linked_accounts(
            from_entered_datetime=FROM, to_entered_datetime=TO, status=status.FILLED
        ))
        self.assertEqual([order["orderId"] for order in everywhere], [filled])

    def test_preview_shows_what_an_order_would_be(self):
        self.pacer.until("q", "AAPL")
        preview = self.answer(self.client.preview_order(self.hash, equity_buy_limit("AAPL", 10, 50)))
        self.assertEqual(preview["orderValidationResult"]["rejects"], [])
        self.assertEqual(self.orders(), [])

    # The market

    def test_quotes(self):
        self.pacer.until("d", "MSFT")
        quotes = self.answer(self.client.get_quotes(["AAPL", "MSFT", "NONE"]))
        self.assertEqual((quotes["AAPL"]["quote"]["bidPrice"], quotes["MSFT"]["quote"]["lastPrice"]), (102, 205))
        self.assertTrue(quotes["AAPL"]["realtime"])
        self.assertEqual(quotes["errors"]["invalidSymbols"], ["NONE"])
        fields = self.client.Quote.Fields
        single = self.answer(self.client.get_quote("AAPL", fields=[fields.QUOTE, fields.REFERENCE]))
        self.assertEqual(single["AAPL"]["quote"]["askPrice"], 102)

    def test_price_history(self):
        self.pacer.finish()
        history = self.answer(self.client.get_price_history_every_day("AAPL", start_datetime=FROM, end_datetime=TO))
        self.assertEqual([candle["close"] for candle in history["candles"]], [102, 105, 107, 104, 106, 109])
        self.assertFalse(history["empty"])
        other = self.answer(self.client.get_price_history_every_day("NONE", start_datetime=FROM, end_datetime=TO))
        self.assertTrue(other["empty"])

    def test_market_hours(self):
        equity = self.client.MarketHours.Market.EQUITY
        hours = self.answer(self.client.get_market_hours(equity, date=datetime.date(2026, 3, 2)))["equity"]["EQ"]
        self.assertTrue(hours["isOpen"])
        self.assertEqual(hours["sessionHours"]["regularMarket"][0]["start"], "2026-03-02T09:30:00-05:00")
        closed = self.answer(self.client.get_market_hours(equity, date=datetime.date(2026, 3, 7)))
        self.assertFalse(closed["equity"]["equity"]["isOpen"])


class SchwabStreamTests(SchwabTestCase):
    bars = MINUTE_BARS

    def run_session(self, session):
        async def whole():
            self.stream = StreamClient(self.client)
            await self.stream.login()
            await asyncio.wait_for(session(), DEADLINE)
            await self.stream.logout()

        asyncio.run(whole())

    async def collect(self, seen, count):
        while len(seen) < count:
            await asyncio.wait_for(self.stream.handle_message(), DEADLINE)

    async def pace(self, *target):
        await asyncio.to_thread(self.pacer.until, *target)

    def test_level_one_sends_what_has_changed(self):
        async def session():
            seen = []
            self.stream.add_level_one_equity_handler(lambda message: seen.extend(message["content"]))
            await self.stream.level_one_equity_subs(["AAPL", "MSFT"])
            pace = asyncio.create_task(self.pace("q", "AAPL", 3))
            await self.collect(seen, 4)
            self.assertEqual([(each["key"], each["BID_PRICE"]) for each in seen[:4]],
                             [("AAPL", 100), ("MSFT", 200), ("AAPL", 99), ("MSFT", 199)])
            self.assertIn("DESCRIPTION", seen[0])
            self.assertNotIn("DESCRIPTION", seen[2])
            # This client's own pings must be answered for the replay to get where it is to stand.
            await self.collect(seen, 5)
            await pace
            await self.stream.level_one_equity_unsubs(["MSFT"])
            await self.stream.level_one_equity_add(["MSFT"])

        self.run_session(session)

    def test_chart_equity_has_the_order_of_the_wire(self):
        async def session():
            seen = []
            self.stream.add_chart_equity_handler(lambda message: seen.extend(message["content"]))
            await self.stream.chart_equity_subs(["AAPL"])
            pace = asyncio.create_task(self.pace("b", "AAPL", 2))
            await self.collect(seen, 1)
            await pace
            bar = seen[0]
            names = ("OPEN_PRICE", "HIGH_PRICE", "LOW_PRICE", "CLOSE_PRICE", "VOLUME")
            self.assertEqual([bar[name] for name in names], [100, 102, 99, 101, 1000])
            start = datetime.datetime(2026, 3, 2, 14, 30, tzinfo=datetime.timezone.utc)
            self.assertEqual(bar["CHART_TIME_MILLIS"], start.timestamp() * 1000)

        self.run_session(session)

    def test_account_activity_tells_of_an_order(self):
        account = self.account_hash()

        async def session():
            seen = []
            self.stream.add_account_activity_handler(lambda message: seen.extend(message["content"]))
            await self.stream.account_activity_sub()
            await self.collect(seen, 1)
            self.assertEqual(seen.pop()["MESSAGE_TYPE"], "SUBSCRIBED")
            await self.pace("q", "AAPL")
            placed = await asyncio.to_thread(self.client.place_order, account, equity_buy_market("AAPL", 10))
            number = Utils(self.client, account).extract_order_id(placed)
            while "OrderFillCompleted" not in [each["MESSAGE_TYPE"] for each in seen]:
                await self.stream.handle_message()
            self.assertEqual(seen[0]["MESSAGE_TYPE"], "OrderCreated")
            self.assertEqual({each["ACCOUNT"] for each in seen}, {"87654321"})
            self.assertEqual({json.loads(each["MESSAGE_DATA"])["SchwabOrderID"] for each in seen}, {str(number)})

        self.run_session(session)
