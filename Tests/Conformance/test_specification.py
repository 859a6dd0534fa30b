"""That the specification can say no: without it the other tests would prove nothing."""

import json
import unittest

from specification import Specification
from test_recordings import problems_of_message

ORDER = {
    "symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "100",
    "client_order_id": "one",
}
ACCOUNT = {"id": "00000000-0000-4000-8000-000000000000", "status": "ACTIVE", "cash": "10000"}


class SpecificationTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.specification = Specification()

    def request(self, method, target, body=None):
        operation = self.specification.operation(method, target)
        return operation.check_request(target, body if body is None else json.dumps(body))

    def answer(self, method, target, status, body):
        operation = self.specification.operation(method, target)
        return operation.check_answer(status, body if body is None else json.dumps(body))

    def test_each_path_has_its_own_operation(self):
        for method, target, name in (
            ("GET", "/v2/orders/5", "GET /v2/orders/{order_id}"),
            ("GET", "/v2/orders:by_client_order_id?client_order_id=5", "GET /v2/orders:by_client_order_id"),
            ("GET", "/v2/stocks/bars/latest?symbols=A", "GET /v2/stocks/bars/latest"),
            ("GET", "/v2/stocks/A/bars/latest", "GET /v2/stocks/{symbol}/bars/latest"),
        ):
            self.assertEqual(self.specification.operation(method, target).name, name)
        self.assertIsNone(self.specification.operation("PUT", "/v2/orders/5"))
        self.assertIsNone(self.specification.operation("GET", "/v2/stocks"))

    def test_sound_requests_pass(self):
        self.assertEqual(self.request("POST", "/v2/orders", ORDER), [])
        self.assertEqual(self.request("GET", "/v2/orders?status=all&limit=500&nested=true"), [])
        self.assertEqual(self.request("GET", "/v2/stocks/bars?symbols=A%2CB&timeframe=1Day&start=2026-03-02"), [])

    def test_mutated_requests_are_refused(self):
        for mutation in (
            {"side": "hold"}, {"qty": 10}, {"type": None}, {"limit_price": 100.5}, {"time_in_force": "forever"},
            {"limitPrice": "100"}, {"client_order_id": "x" * 129}, {"extended_hours": "false"},
        ):
            with self.subTest(mutation=mutation):
                body = {name: value for name, value in {**ORDER, **mutation}.items() if value is not None}
                self.assertTrue(self.request("POST", "/v2/orders", body))
        for target in (
            "/v2/orders?status=some", "/v2/orders?limit=many", "/v2/orders?colour=red", "/v2/orders?nested=perhaps",
            "/v2/stocks/bars?symbols=A", "/v2/orders:by_client_order_id", "/v2/orders/no-uuid",
        ):
            with self.subTest(target=target):
                self.assertTrue(self.request("GET", target))
        self.assertTrue(self.request("POST", "/v2/orders"))

    def test_mutated_answers_are_refused(self):
        self.assertEqual(self.answer("GET", "/v2/account", 200, ACCOUNT), [])
        for mutation in ({"id": "one"}, {"status": "SLEEPING"}, {"cash": 10000}, {"trading_blocked": "no"}):
            with self.subTest(mutation=mutation):
                self.assertTrue(self.answer("GET", "/v2/account", 200, {**ACCOUNT, **mutation}))
        self.assertTrue(self.answer("GET", "/v2/account", 201, ACCOUNT))
        self.assertTrue(self.answer("GET", "/v2/account", 200, None))
        self.assertTrue(self.answer("GET", "/v2/clock", 200, {"timestamp": "today"}))
        self.assertTrue(self.answer("DELETE", "/v2/orders/5", 204, {}))
        self.assertTrue(self.answer("GET", "/v2/account", 403, {"message": "no"}))
        self.assertEqual(self.answer("GET", "/v2/account", 403, {"code": 40310000, "message": "no"}), [])

    def test_mutated_stream_messages_are_refused(self):
        sound = {"action": "subscribe", "quotes": ["AAPL"], "dailyBars": ["AAPL"]}
        self.assertEqual(problems_of_message("/v2/iex", sound), [])
        for mutation in ({"quotes": "AAPL"}, {"candles": ["AAPL"]}, {"action": "ask"}):
            with self.subTest(mutation=mutation):
                self.assertTrue(problems_of_message("/v2/iex", {**sound, **mutation}))
        self.assertTrue(problems_of_message("/stream", sound))
        self.assertTrue(problems_of_message("/v2/iex", {"action": "auth", "key": "K", "secret": "redacted"}))
