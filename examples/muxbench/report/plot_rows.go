package report

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// rowsPlot is one SVG with a group of bars for each row, and in it one for each entry,
// with its figure: a table that is read at a glance.
type rowsPlot struct {
	name, title, axis string
	rows              []string
	entries           []string
	value             func(r harness.Results, row int, entry string) float64
	log               bool // the axis is logarithmic
}

// rowsPlots are those of docs/performance.md.
func rowsPlots() []rowsPlot {
	beside := rowsPlot{
		name: "beside.svg", title: "How long do small calls take beside large answers?", axis: "p99 of 128 B, ms, from when the call was due (shorter is better)",
		entries: besideEntries, log: true,
		value: func(r harness.Results, row int, entry string) float64 {
			return harness.MedianOf(r.Records, besides[row].cell(entry), harness.P99Millis)
		},
	}
	for _, b := range besides {
		beside.rows = append(beside.rows, b.String())
	}
	layers := rowsPlot{
		name: "chain.svg", title: "What do Client, Service and the chain cost?", axis: "CPU time of a call, both sides and kernel, µs (shorter is better)",
		entries: rivalEntries,
		value: func(r harness.Results, row int, entry string) float64 {
			return harness.MedianOf(r.Records, harness.On(entry, 128, layerCallers[row]), harness.CPUMicros)
		},
	}
	for _, c := range layerCallers {
		layers.rows = append(layers.rows, fmt.Sprintf("%d callers, 128 B", c))
	}
	return []rowsPlot{beside, layers}
}

const (
	barHeight  = 0.5 * vg.Centimeter
	rowGap     = 1 // bars
	barsWidth  = 26 * vg.Centimeter
	barsMargin = 1.18 // room right of the longest bar for its figure
)

// write draws the plot; nothing, if there is nothing to draw.
func (p rowsPlot) write(file string, r harness.Results) error {
	entries := slices.DeleteFunc(slices.Clone(p.entries), func(e string) bool { return math.IsNaN(p.any(r, e)) })
	if len(entries) == 0 {
		return nil
	}
	group := len(entries) + rowGap
	high := len(p.rows) * group
	chart := plot.New()
	chart.Title.Text, chart.X.Label.Text = p.title, p.axis
	least, most := math.Inf(1), 0.0
	for i := range p.rows {
		for _, e := range entries {
			if v := p.value(r, i, e); v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	from := 0.0
	if p.log {
		from = math.Pow(10, math.Floor(math.Log10(least)))
		chart.X.Scale, chart.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
	var ticks []plot.Tick
	for i, name := range p.rows {
		top := float64(high - i*group)
		ticks = append(ticks, plot.Tick{Value: top - float64(len(entries)-1)/2, Label: name})
		for j, e := range entries {
			if err := p.bar(chart, from, p.value(r, i, e), top-float64(j), e, j); err != nil {
				return err
			}
		}
	}
	chart.Y.Tick.Marker = plot.ConstantTicks(ticks)
	chart.Y.Min, chart.Y.Max = float64(rowGap), float64(high)+0.7
	chart.X.Min, chart.X.Max = from, most*barsMargin
	if p.log {
		chart.X.Max = most * 3
	}
	chart.Add(plotter.NewGrid())
	for j, e := range entries {
		line, err := plotter.NewLine(plotter.XYs{{X: from, Y: 0}, {X: from, Y: 0}})
		if err != nil {
			return err
		}
		line.LineStyle = barStyle(e, j)
		chart.Legend.Add(label(e), line)
	}
	chart.Legend.ThumbnailWidth, chart.Legend.Top = barHeight, false
	return save(chart, file, barsWidth, vg.Length(high)*barHeight+3*vg.Centimeter)
}

// any is a figure of an entry, in any row; NaN if there is none.
func (p rowsPlot) any(r harness.Results, entry string) float64 {
	for i := range p.rows {
		if v := p.value(r, i, entry); !math.IsNaN(v) {
			return v
		}
	}
	return math.NaN()
}

// bar draws one, with its figure at its end.
func (p rowsPlot) bar(chart *plot.Plot, from, to, at float64, entry string, i int) error {
	if math.IsNaN(to) || to <= from {
		return nil
	}
	line, err := plotter.NewLine(plotter.XYs{{X: from, Y: at}, {X: to, Y: at}})
	if err != nil {
		return err
	}
	line.LineStyle = barStyle(entry, i)
	text, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: to, Y: at}}, Labels: []string{" " + figure(to)}})
	if err != nil {
		return err
	}
	text.TextStyle[0].YAlign = draw.YCenter
	chart.Add(line, text)
	return nil
}

func barStyle(entry string, i int) draw.LineStyle {
	style, _ := styleOf(entry, i)
	style.Width, style.Dashes = barHeight*0.7, nil
	return style
}

// save writes a plot as SVG on white.
func save(chart *plot.Plot, file string, width, height vg.Length) error {
	canvas := vgsvg.New(width, height)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	chart.Draw(draw.Crop(all, panelMargin, -panelMargin, 0, -panelMargin))
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := canvas.WriteTo(out); err != nil {
		return err
	}
	return out.Close()
}
