"""alpaca-py's TradingStream and StockDataStream, live while a replay runs."""

import queue
import threading

from alpaca.data.live import StockDataStream
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce, TradeEvent
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from alpaca.trading.stream import TradingStream

from simulator import DEADLINE, KEY, MINUTE_BARS, SECRET, SimulatorTestCase, eventually
from test_alpaca_trading import client_of


class StreamTests(SimulatorTestCase):
    bars = MINUTE_BARS

    def start(self, stream):
        # The client looks only now and then whether it is to stop; nothing waits for that.
        threading.Thread(target=stream.run, daemon=True).start()
        eventually("the stream's start", lambda: stream._running)
        self.addCleanup(stream.stop)

    def data_stream(self, secret=SECRET):
        return StockDataStream(KEY, secret, url_override=f"{self.simulator.stream_url}/v2/iex")

    def subscribed(self, channel, *symbols):
        """A started data stream and what its handler gets."""
        events = queue.Queue()

        async def handler(event):
            events.put(event)

        stream = self.data_stream()
        getattr(stream, f"subscribe_{channel}")(handler, *symbols)
        self.start(stream)
        return stream, events

    def test_quotes_and_trades_arrive_in_order(self):
        stream, quotes = self.subscribed("quotes", "*")
        trades = queue.Queue()

        async def handler(event):
            trades.put(event)

        # A second subscription of a running stream.
        stream.subscribe_trades(handler, "MSFT")
        self.pacer.finish()
        seen = [quotes.get(timeout=DEADLINE) for _ in range(8)]
        self.assertEqual(
            [(quote.symbol, quote.bid_price) for quote in seen],
            [("AAPL", 100), ("MSFT", 200), ("AAPL", 99), ("MSFT", 199), ("AAPL", 102), ("MSFT", 202),
             ("AAPL", 101), ("MSFT", 201)],
        )
        self.assertEqual(seen[0].timestamp.isoformat(), "2026-03-02T14:30:00+00:00")
        self.assertEqual([trades.get(timeout=DEADLINE).price for _ in range(4)], [200, 199, 202, 201])

    def test_bars_arrive_when_they_are_complete(self):
        _, bars = self.subscribed("bars", "AAPL")
        self.pacer.finish()
        seen = [bars.get(timeout=DEADLINE) for _ in range(3)]
        self.assertEqual([(bar.open, bar.close, bar.volume) for bar in seen],
                         [(100, 101, 1000), (101, 102, 1100), (102, 103, 1200)])
        self.assertEqual([bar.timestamp.minute for bar in seen], [30, 31, 32])

    def test_unsubscribed_symbol_stays_silent(self):
        stream, quotes = self.subscribed("quotes", "AAPL", "MSFT")
        stream.unsubscribe_quotes("AAPL")
        self.pacer.finish()
        self.assertEqual({quotes.get(timeout=DEADLINE).symbol for _ in range(12)}, {"MSFT"})

    def test_many_symbols_come_in_fragments(self):
        # Beyond 32 KiB the client splits its message into frames.
        names = [f"S{number}" for number in range(8000)]
        _, quotes = self.subscribed("quotes", "AAPL", *names)
        self.pacer.finish()
        self.assertEqual(quotes.get(timeout=DEADLINE).symbol, "AAPL")

    def test_wrong_secret_gets_no_stream(self):
        stream = self.data_stream("another")

        async def connect():
            await stream._connect()
            await stream._auth()

        import asyncio
        with self.assertRaisesRegex(ValueError, "auth failed"):
            asyncio.run(connect())

    def trade_updates(self):
        stream = TradingStream(KEY, SECRET, paper=True, url_override=f"{self.simulator.stream_url}/stream")
        updates = queue.Queue()

        async def handler(update):
            updates.put(update)

        stream.subscribe_trade_updates(handler)
        self.start(stream)
        return updates

    def test_trade_updates_tell_of_orders(self):
        updates = self.trade_updates()
        client = client_of(self.simulator)
        self.pacer.until("q", "MSFT")
        market = client.submit_order(
            MarketOrderRequest(symbol="AAPL", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
        )
        limit = client.submit_order(LimitOrderRequest(
            symbol="AAPL", qty=5, side=OrderSide.SELL, time_in_force=TimeInForce.DAY, limit_price=102
        ))
        other = client.submit_order(LimitOrderRequest(
            symbol="MSFT", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=50
        ))
        client.cancel_order_by_id(other.id)
        seen = [updates.get(timeout=DEADLINE) for _ in range(5)]
        self.assertEqual(
            [(update.order.id, update.event) for update in seen],
            [(market.id, TradeEvent.NEW), (market.id, TradeEvent.FILL), (limit.id, TradeEvent.NEW),
             (other.id, TradeEvent.NEW), (other.id, TradeEvent.CANCELED)],
        )
        self.assertEqual((seen[1].price, seen[1].qty, seen[1].position_qty), (100, 10, 10))
        self.assertIsNotNone(seen[1].execution_id)
        self.pacer.until("q", "AAPL", 2)
        fill = updates.get(timeout=DEADLINE)
        self.assertEqual((fill.order.id, fill.event, fill.price, fill.position_qty), (limit.id, TradeEvent.FILL, 102, 5))
        self.assertIs(fill.order.status, OrderStatus.FILLED)


class BinaryStreamTests(StreamTests):
    """As paper accounts have it: the same JSON in binary frames."""

    settings = {"TRADE_UPDATE_FRAMES": "binary"}

    # Of the data stream the setting says nothing.
    test_quotes_and_trades_arrive_in_order = None
    test_bars_arrive_when_they_are_complete = None
    test_unsubscribed_symbol_stays_silent = None
    test_many_symbols_come_in_fragments = None
    test_wrong_secret_gets_no_stream = None
