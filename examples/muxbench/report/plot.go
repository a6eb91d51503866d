package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// figureFile is one SVG: a panel for each size, callers across, a metric up,
// both axes logarithmic.
type figureFile struct {
	name, title string
	metric      harness.Metric
}

var figureFiles = []figureFile{
	{"throughput.svg", "thousand calls/s", thousandCalls},
	{"latency.svg", "p99, ms", harness.P99Millis},
	{"cpu.svg", "CPU s per 100,000 calls", harness.CPUPer100k},
}

// WritePlots writes the figures that the results are enough for into dir.
func WritePlots(dir string, r harness.Results) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	errs := []error{writeOpen(filepath.Join(dir, openPlot), r)}
	for _, p := range rowsPlots() {
		errs = append(errs, p.write(filepath.Join(dir, p.name), r))
	}
	records := plain(r.Records)
	for _, c := range smallCallers {
		if math.IsNaN(harness.MedianOf(records, harness.On("raw", 128, c), thousandCalls)) {
			return errors.Join(errs...) // no run with -full: some loads are missing
		}
	}
	for _, f := range figureFiles {
		errs = append(errs, f.write(filepath.Join(dir, f.name), records))
	}
	return errors.Join(errs...)
}

const (
	panelWidth  = 9 * vg.Centimeter
	panelHeight = 11 * vg.Centimeter
	legendWidth = 7.8 * vg.Centimeter
	panelMargin = 0.5 * vg.Centimeter // right of a panel and above it
)

func (f figureFile) write(file string, records []harness.Record) error {
	sizes := sorted(harness.Distinct(records, func(r harness.Record) int { return r.Size }))
	if len(sizes) == 0 {
		return fmt.Errorf("no measurement over TCP to draw")
	}
	width := panelWidth*vg.Length(len(sizes)) + legendWidth
	canvas := vgsvg.New(width, panelHeight)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	legend := plot.NewLegend()
	for i, size := range sizes {
		p, err := f.panel(records, size, &legend, i == 0)
		if err != nil {
			return err
		}
		left := panelWidth * vg.Length(i)
		p.Draw(draw.Crop(all, left, left+panelWidth-width-panelMargin, 0, -panelMargin/2))
	}
	legend.Top, legend.Left = true, true
	legend.Padding = 2
	legend.Draw(draw.Crop(all, width-legendWidth+10, 0, 20, -20))
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

// panel draws one size. The first panel fills the legend.
func (f figureFile) panel(records []harness.Record, size int, legend *plot.Legend, first bool) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = harness.SizeName(size)
	p.X.Label.Text = "callers"
	if first {
		p.Y.Label.Text = f.title
	}
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	callers := sorted(harness.Distinct(records, func(r harness.Record) int { return r.Callers }))
	p.X.Tick.Marker = plot.ConstantTicks(callerTicks(callers))
	p.Y.Tick.Marker = plot.TickerFunc(logTicks)
	p.Add(plotter.NewGrid())
	for i, e := range plotted(records) {
		points := f.points(records, e, size, callers)
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.LineStyle, dots.GlyphStyle = styleOf(e, i)
		p.Add(line, dots)
		if first {
			legend.Add(e+limits[e], line, dots)
		}
	}
	p.X.Min, p.X.Max = p.X.Min/1.15, p.X.Max*1.15
	p.Y.Min, p.Y.Max = p.Y.Min/1.15, p.Y.Max*1.15
	return p, nil
}

// plotted are the entries that get a line: no variants, and of those that were
// measured with contexts of both kinds, the cheap ones.
func plotted(records []harness.Record) []string {
	measured := harness.Distinct(records, func(r harness.Record) string { return r.Entry })
	return slices.DeleteFunc(inOrder(slices.Clone(measured)), func(name string) bool {
		e, err := harness.FindEntry(name)
		return err != nil || e.Info().Variant || slices.Contains(measured, name+harness.WithDeadline)
	})
}

func (f figureFile) points(records []harness.Record, entry string, size int, callers []int) plotter.XYs {
	var points plotter.XYs
	for _, c := range callers {
		y := harness.MedianOf(records, harness.On(entry, size, c), f.metric)
		if !math.IsNaN(y) && y > 0 {
			points = append(points, plotter.XY{X: float64(c), Y: y})
		}
	}
	return points
}

func callerTicks(callers []int) []plot.Tick {
	ticks := make([]plot.Tick, len(callers))
	for i, c := range callers {
		ticks[i] = plot.Tick{Value: float64(c), Label: fmt.Sprint(c)}
	}
	return ticks
}

// logTicks labels 1, 2 and 5 of each decade where there are few decades, else 1,
// and marks the others.
func logTicks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	few := high/low < 300
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for digit := 1.0; digit < 10; digit++ {
			tick := plot.Tick{Value: digit * decade}
			if digit == 1 || few && (digit == 2 || digit == 5) {
				tick.Label = strconv.FormatFloat(tick.Value, 'f', -1, 32)
			}
			if tick.Value >= low && tick.Value <= high {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// limits say in the legend what a limit is one of.
var limits = map[string]string{
	"raw":  " (limit: no multiplexing)",
	"pipe": " (limit: batches only)",
}

var rivalColors = []color.RGBA{
	{0x1f, 0x77, 0xb4, 255}, {0x2c, 0xa0, 0x2c, 255}, {0x94, 0x67, 0xbd, 255}, {0x8c, 0x56, 0x4b, 255},
	{0xe3, 0x77, 0xc2, 255}, {0x7f, 0x7f, 0x7f, 255}, {0xbc, 0xbd, 0x22, 255}, {0x17, 0xbe, 0xcf, 255},
	{0xff, 0x7f, 0x0e, 255}, {0x39, 0x3b, 0x79, 255}, {0x63, 0x79, 0x39, 255}, {0x00, 0xa0, 0x80, 255},
}

var glyphs = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PlusGlyph{}, draw.CrossGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{},
}

// muxkitColors tell the levels of muxkit apart.
var muxkitColors = map[string]color.RGBA{
	contenders.MuxkitConn:   {0xd6, 0x27, 0x28, 255},
	contenders.MuxkitClient: {0x9b, 0x00, 0x10, 255},
	contenders.MuxkitChain:  {0xff, 0x7b, 0x6b, 255},
}

// styleOf makes the limits black and dashed, muxkit red and thick, and gives
// each rival a colour and a glyph of its own.
func styleOf(entry string, i int) (draw.LineStyle, draw.GlyphStyle) {
	line := draw.LineStyle{Color: rivalColors[i%len(rivalColors)], Width: vg.Points(1)}
	if limits[entry] != "" {
		line.Color, line.Dashes = color.RGBA{A: 255}, []vg.Length{4, vg.Length(2 + i)}
	}
	if c, ok := muxkitColors[strings.TrimSuffix(entry, harness.WithDeadline)]; ok {
		line.Color, line.Width = c, vg.Points(2.5)
	}
	return line, draw.GlyphStyle{Color: line.Color, Radius: vg.Points(2.5), Shape: glyphs[i%len(glyphs)]}
}
