package report

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"slices"

	"golang.org/x/image/font"
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
	barHeight = 0.52 * vg.Centimeter
	barsWidth = 26 * vg.Centimeter
	rowHead   = 1.3 // bars that the name of a row takes
	rowGap    = 0.7 // bars between two rows
)

// write draws the plot; nothing, if there is nothing to draw. From top to bottom: the name
// of a row, and its bars, each with its figure and its name.
func (p rowsPlot) write(file string, r harness.Results) error {
	entries := slices.DeleteFunc(slices.Clone(p.entries), func(e string) bool { return math.IsNaN(p.any(r, e)) })
	if len(entries) == 0 {
		return nil
	}
	chart := plot.New()
	chart.Title.Text, chart.X.Label.Text = p.title, p.axis
	from, most := p.span(r, entries)
	if p.log {
		chart.X.Scale, chart.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
	chart.Add(plotter.NewGrid())
	high := float64(len(p.rows)) * (float64(len(entries)) + rowHead + rowGap)
	at := high
	for i, name := range p.rows {
		at -= rowHead
		if err := text(chart, from, at+rowHead/2-0.2, name, true); err != nil {
			return err
		}
		for j, e := range entries {
			at--
			if err := p.bar(chart, from, p.value(r, i, e), at+0.5, e, j); err != nil {
				return err
			}
		}
		at -= rowGap
	}
	chart.HideY()
	chart.Y.Min, chart.Y.Max = 0, high
	chart.X.Min, chart.X.Max = from, most*1.45 // room for names
	if p.log {
		chart.X.Max = most * math.Pow(most/from, 0.4)
	}
	return save(chart, file, barsWidth, vg.Length(high)*barHeight+3*vg.Centimeter)
}

// span is where the axis begins, and the largest figure.
func (p rowsPlot) span(r harness.Results, entries []string) (from, most float64) {
	least := math.Inf(1)
	for i := range p.rows {
		for _, e := range entries {
			if v := p.value(r, i, e); v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if p.log {
		from = math.Pow(10, math.Floor(math.Log10(least)))
	}
	return from, most
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
	chart.Add(line)
	return text(chart, to, at, figure(to)+"  "+label(entry), false)
}

// text writes at a place of the chart, to the right of it.
func text(chart *plot.Plot, x, y float64, words string, head bool) error {
	l, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: x, Y: y}}, Labels: []string{words}})
	if err != nil {
		return err
	}
	l.TextStyle[0].YAlign = draw.YCenter
	l.TextStyle[0].Font.Size = 10
	if !head {
		l.Offset.X = 4
	} else {
		l.TextStyle[0].Font.Size = 11
		l.TextStyle[0].Font.Weight = font.WeightBold
	}
	chart.Add(l)
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
