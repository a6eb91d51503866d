package interop

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/admin"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What docs/telemetry.md shows, where it is compiled: internal/pages looks.
var _ = []any{openTelemetry, figures, durations, logging, goodbye, operators}

func openTelemetry(instancer sd.Instancer, logger log.Logger, breakers *breaker.Group, pool *muxpool.Multiplexed) (any, any, func() error, error) {
	set := muxendpoint.NewSet(instancer, logger, muxendpoint.WithBreakers(breakers), otelmux.Client("stock"))
	service := muxtransport.NewService(native.Protocol{}, otelmux.Server())
	stop, err := otelmux.Pool(pool)
	return set, service, stop, err
}

func figures(registry *prometheus.Registry, pool *muxpool.Multiplexed, breakers *breaker.Group, set *muxendpoint.Set, service *muxtransport.Service) {
	registry.MustRegister(prommux.Pool(pool), prommux.Breakers(breakers), prommux.Set(set), prommux.Service(service))
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

func durations(registry *prometheus.Registry, instancer sd.Instancer, logger log.Logger) (any, any) {
	calls := prommux.NewCalls()
	set := muxendpoint.NewSet(instancer, logger, muxendpoint.WithService("stock"), calls.Client("stock"))
	service := muxtransport.NewService(native.Protocol{}, calls.Server())
	registry.MustRegister(calls)
	return set, service
}

func logging(instancer sd.Instancer) any {
	logger := slog.New(otelmux.LogHandler(slog.NewJSONHandler(os.Stderr, nil)))
	set := muxendpoint.NewSet(instancer, muxendpoint.Slog(logger), otelmux.Client("stock"), muxendpoint.WithLogging(logger, 0))
	return set
}

func goodbye(ctx context.Context, service *muxtransport.Service) error {
	service.SetServing("", false)
	time.Sleep(5 * time.Second) // as long as a probe takes to be believed
	err := service.Shutdown(ctx)
	return err
}

func operators(mux *http.ServeMux, stock *muxendpoint.Set, breakers *breaker.Group, pool *muxpool.Multiplexed, service *muxtransport.Service) error {
	page, err := admin.New(
		admin.WithSet(stock), admin.WithBreakers("", breakers),
		admin.WithPool("", pool), admin.WithService("shop", service))
	if err != nil {
		return err
	}
	defer page.Close() // no more events
	mux.Handle("/debug/mux", page)
	return http.ListenAndServe("127.0.0.1:0", mux)
}
