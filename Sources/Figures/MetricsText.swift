// SPDX-License-Identifier: Apache-2.0

/// Text in the format of Prometheus, version 0.0.4.
public struct MetricsText: Sendable {
    /// What the format is called in a `Content-Type`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All that was written.
    public private(set) var text = ""

    /// Makes an empty text.
    public init() {}

    /// A number that only grows.
    public mutating func counter(_ name: String, _ help: String, _ value: Double) {
        head(name, help, "counter")
        sample(name, value)
    }

    /// A number that only grows.
    public mutating func counter(_ name: String, _ help: String, _ value: Int) {
        counter(name, help, Double(value))
    }

    /// Numbers that only grow, told apart by a label.
    public mutating func counter(
        _ name: String, _ help: String, by label: String, _ values: [(String, Int)]
    ) {
        head(name, help, "counter")
        for (value, count) in values { sample(name, Double(count), (label, value)) }
    }

    /// Numbers that only grow, told apart by two labels.
    public mutating func counter(
        _ name: String, _ help: String, by labels: (String, String),
        _ values: [(String, String, Int)]
    ) {
        head(name, help, "counter")
        for (first, second, count) in values {
            text += "\(name){\(labels.0)=\"\(first)\",\(labels.1)=\"\(second)\"} \(count)\n"
        }
    }

    /// A number of this moment.
    public mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        head(name, help, "gauge")
        sample(name, value)
    }

    /// Numbers of this moment, told apart by a label.
    public mutating func gauge(
        _ name: String, _ help: String, by label: String, _ values: [(String, Double)]
    ) {
        head(name, help, "gauge")
        for (value, number) in values { sample(name, number, (label, value)) }
    }

    /// A histogram.
    public mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        head(name, help, "histogram")
        var count = 0
        for (bound, within) in zip(histogram.bounds, histogram.counts) {
            count += within
            sample(name + "_bucket", Double(count), ("le", Self.number(bound)))
        }
        sample(name + "_bucket", Double(histogram.count), ("le", "+Inf"))
        sample(name + "_sum", histogram.sum)
        sample(name + "_count", Double(histogram.count))
    }

    private mutating func head(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    /// Labels and their values are our own words: nothing in them has to be escaped.
    private mutating func sample(
        _ name: String, _ value: Double, _ label: (name: String, value: String)? = nil
    ) {
        text += name
        if let label { text += "{\(label.name)=\"\(label.value)\"}" }
        text += " \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }
}
