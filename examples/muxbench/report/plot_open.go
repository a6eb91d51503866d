package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// openPlot is latency against offered load: a line for p99 and a dashed one for p50 of
// each entry, at its own shares of its own maximum.
const openPlot = "load.svg"

// writeOpen draws it; nothing, if there is nothing to draw.
func writeOpen(file string, r harness.Results) error {
	chart := plot.New()
	chart.Title.Text = "How long does a call of 128 B take at 50, 70 and 90% of the own maximum? Solid: p99, dashed: p50"
	chart.X.Label.Text, chart.Y.Label.Text = "thousand calls/s that were due (right is better)", "ms (lower is better)"
	chart.X.Scale, chart.Y.Scale = plot.LogScale{}, plot.LogScale{}
	chart.X.Tick.Marker, chart.Y.Tick.Marker = plot.TickerFunc(logTicks), plot.TickerFunc(logTicks)
	chart.Add(plotter.NewGrid())
	drawn := false
	for i, e := range openEntries {
		for _, tail := range []bool{true, false} {
			metric := harness.P50Millis
			if tail {
				metric = harness.P99Millis
			}
			points := openPoints(r, e, metric)
			if len(points) == 0 {
				continue
			}
			line, dots, err := plotter.NewLinePoints(points)
			if err != nil {
				return err
			}
			line.LineStyle, dots.GlyphStyle = styleOf(e, i)
			line.Width = vg.Points(2)
			if !tail {
				line.Width, line.Dashes = vg.Points(1), []vg.Length{3, 3}
			}
			chart.Add(line, dots)
			if last := points[len(points)-1]; tail {
				if err := text(chart, last.X, last.Y, label(e), false); err != nil {
					return err
				}
			}
			drawn = true
		}
	}
	if !drawn {
		return nil
	}
	chart.X.Min, chart.X.Max = chart.X.Min/1.3, chart.X.Max*5 // room for names
	chart.Y.Min, chart.Y.Max = chart.Y.Min/1.5, chart.Y.Max*1.5
	return save(chart, file, barsWidth, 13*vg.Centimeter)
}

func openPoints(r harness.Results, entry string, m harness.Metric) plotter.XYs {
	var points plotter.XYs
	for _, percent := range openPercents {
		c := openCell(entry, percent)
		x, y := harness.MedianOf(r.Records, c, func(r harness.Record) float64 { return float64(r.Offered) / 1e3 }), harness.MedianOf(r.Records, c, m)
		if !math.IsNaN(x) && x > 0 && y > 0 {
			points = append(points, plotter.XY{X: x, Y: y})
		}
	}
	return points
}
