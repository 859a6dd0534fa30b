"""alpaca-py's StockHistoricalDataClient."""

import datetime

from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import (
    StockBarsRequest, StockLatestBarRequest, StockLatestQuoteRequest, StockLatestTradeRequest, StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from simulator import KEY, SECRET, SimulatorTestCase

BOTH = ["AAPL", "MSFT"]


class DataTests(SimulatorTestCase):
    def setUp(self):
        super().setUp()
        self.client = StockHistoricalDataClient(KEY, SECRET, url_override=self.simulator.url)
        self.client._retry = 0

    def history(self, **fields):
        fields.setdefault("timeframe", TimeFrame.Day)
        return self.client.get_stock_bars(StockBarsRequest(**fields)).data

    def test_bars_of_several_symbols_come_page_by_page(self):
        self.pacer.finish()
        bars = self.history(symbol_or_symbols=BOTH, start=datetime.datetime(2026, 3, 1))
        self.assertEqual({symbol: len(each) for symbol, each in bars.items()}, {"AAPL": 6, "MSFT": 6})
        first = bars["AAPL"][0]
        self.assertEqual((first.open, first.high, first.low, first.close, first.volume), (100, 104, 97, 102, 1000))
        self.assertEqual(first.timestamp, datetime.datetime(2026, 3, 2, 5, tzinfo=datetime.timezone.utc))
        # The client asks for no more than it wants, so its own paging is seen from the pages it is given.
        pages, token = [], None
        while token is not None or not pages:
            query = {"symbols": "AAPL,MSFT", "timeframe": "1Day", "limit": 5, "start": "2026-03-01"}
            page = self.client.get("/stocks/bars", {**query, **({"page_token": token} if token else {})})
            pages.append({symbol: len(each) for symbol, each in page["bars"].items()})
            token = page["next_page_token"]
        self.assertEqual(pages, [{"AAPL": 5}, {"AAPL": 1, "MSFT": 4}, {"MSFT": 2}])

    def test_bars_are_those_of_the_time_asked_for(self):
        self.pacer.finish()
        bars = self.history(
            symbol_or_symbols="AAPL", start=datetime.datetime(2026, 3, 3), end=datetime.datetime(2026, 3, 5),
            adjustment=Adjustment.RAW, feed=DataFeed.SIP, limit=1,
        )
        self.assertEqual([bar.close for bar in bars["AAPL"]], [105])
        self.assertEqual(self.history(symbol_or_symbols="NONE"), {})

    def test_bars_of_another_length_are_refused(self):
        with self.assertRaises(APIError) as caught:
            self.history(symbol_or_symbols="AAPL", timeframe=TimeFrame(5, TimeFrameUnit.Minute))
        self.assertEqual((caught.exception.status_code, caught.exception.code), (400, 40010001))

    def test_latest_quote_trade_and_bar(self):
        self.pacer.until("d", "MSFT")
        self.pacer.until("q", "AAPL")
        quote = self.client.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=BOTH, feed=DataFeed.IEX))
        self.assertEqual((quote["AAPL"].bid_price, quote["AAPL"].ask_price), (102, 102))
        self.assertEqual(quote["AAPL"].timestamp.hour, 14)
        trade = self.client.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))
        self.assertEqual(trade["AAPL"].price, 102)
        bar = self.client.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=BOTH))
        self.assertEqual((bar["AAPL"].close, bar["MSFT"].close), (102, 205))

    def test_snapshots_hold_what_is_known(self):
        self.pacer.until("d", "MSFT", 2)
        snapshots = self.client.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=BOTH))
        self.assertEqual(snapshots["AAPL"].daily_bar.close, 105)
        self.assertEqual(snapshots["AAPL"].previous_daily_bar.close, 102)
        self.assertEqual(snapshots["MSFT"].latest_trade.price, 206)
        self.assertEqual(snapshots["MSFT"].latest_quote.bid_price, 206)

    def test_single_symbol_forms(self):
        self.pacer.until("d", "MSFT", 2)
        self.assertEqual(self.client.get("/stocks/AAPL/quotes/latest", {})["quote"]["bp"], 105)
        self.assertEqual(self.client.get("/stocks/AAPL/trades/latest", {})["trade"]["p"], 105)
        self.assertEqual(self.client.get("/stocks/AAPL/bars/latest", {})["bar"]["c"], 105)
        self.assertEqual(self.client.get("/stocks/AAPL/snapshot", {})["dailyBar"]["c"], 105)
        bars = self.client.get("/stocks/AAPL/bars", {"timeframe": "1Day", "start": "2026-03-01"})
        self.assertEqual([bar["c"] for bar in bars["bars"]], [102, 105])
