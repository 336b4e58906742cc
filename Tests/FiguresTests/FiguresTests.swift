// SPDX-License-Identifier: Apache-2.0

import Figures
import Testing

/// Numbers, and how they are written.
@Suite struct FiguresTests {
    @Test func `a value belongs to the first bound that it does not exceed`() {
        var histogram = Histogram([1, 2, 4])
        for value in [0.5, 1, 1.5, 2, 3, 4, 5, 100] { histogram.observe(value) }
        #expect(histogram.counts == [2, 2, 2, 2])
        #expect(histogram.count == 8 && histogram.sum == 117)

        var sum = Histogram([1, 2, 4])
        sum += histogram
        sum += histogram
        #expect(sum.counts == [4, 4, 4, 4] && sum.sum == 234)
    }

    @Test func `the text is Prometheus'`() {
        var text = MetricsText()
        text.counter("sent_total", "Sent.", 12)
        text.gauge("load", "Load.", by: "loop", [("0", 0.25), ("1", 2)])
        var histogram = Histogram([0.5, 1])
        for value in [0.25, 0.75, 2] { histogram.observe(value) }
        text.histogram("took_seconds", "Took.", histogram)
        #expect(
            text.text == """
                # HELP sent_total Sent.
                # TYPE sent_total counter
                sent_total 12
                # HELP load Load.
                # TYPE load gauge
                load{loop="0"} 0.25
                load{loop="1"} 2
                # HELP took_seconds Took.
                # TYPE took_seconds histogram
                took_seconds_bucket{le="0.5"} 1
                took_seconds_bucket{le="1"} 2
                took_seconds_bucket{le="+Inf"} 3
                took_seconds_sum 3
                took_seconds_count 3

                """)
    }

    @Test func `a figure of the process is what the system says`() {
        let figures = ProcessFigures().now()
        #expect(figures.residentBytes > 1 << 20)
        #expect(figures.openFiles > 2 && figures.openFiles < figures.openFilesMax)
        #expect(figures.cpuSeconds > 0)
    }
}
