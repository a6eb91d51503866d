package main

import (
	"encoding/json"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// source is the source of data that the dashboard's variable names.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}

// selection is what S stands for.
const selection = `job=~"$job",instance=~"$instance"`

// asked is a line's question, with a selection and the time over which rates are.
func (l line) asked(selection, over string) string {
	return strings.NewReplacer("{S}", "{"+selection+"}", ",S}", ","+selection+"}", "[T]", "["+over+"]").Replace(l.expr)
}

// grafana makes the dashboard.
func grafana() ([]byte, error) {
	//lint:ignore SA1019 The second version of the format can be imported in the newest Grafana only.
	d := dashboard.NewDashboardBuilder("muxkit").Uid("muxkit").Tags([]string{"muxkit", "generated"}).
		Description("Made by endpoint/prommux/dashboard of muxkit: change it there.").
		Time("now-1h", "now").Refresh("30s").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Source").Type("prometheus")).
		WithVariable(labels("job", `label_values({__name__=~"muxkit_.+"}, job)`)).
		WithVariable(labels("instance", `label_values({__name__=~"muxkit_.+", job=~"$job"}, instance)`))
	for _, r := range rows {
		d.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			d.WithPanel(graph(p))
		}
	}
	built, err := d.Build()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(built, "", "  ")
	return append(text, '\n'), err
}

// labels makes a variable of the values of a label.
func labels(name, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(name).Datasource(source).
		Query(dashboard.StringOrMap{String: &query}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		IncludeAll(true).AllValue(".*").Multi(true).
		Current(dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: cog.ToPtr("All")}, Value: dashboard.StringOrArrayOfString{String: cog.ToPtr("$__all")}})
}

func graph(p panel) *timeseries.PanelBuilder {
	b := timeseries.NewPanelBuilder().Title(p.title).Description(p.about).Datasource(source).Span(8).Height(8).Min(0)
	if p.unit != "" {
		b.Unit(p.unit)
	}
	for _, l := range p.lines {
		b.WithTarget(prometheus.NewDataqueryBuilder().Expr(l.asked(selection, "$__rate_interval")).LegendFormat(l.legend).Datasource(source).Range())
	}
	return b
}
