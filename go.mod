module github.com/muxkit/muxkit

go 1.25

require (
	github.com/go-kit/kit v0.13.0
	github.com/go-kit/log v0.2.1
	github.com/sony/gobreaker v1.0.0
	go.uber.org/goleak v1.3.0
)

require github.com/go-logfmt/logfmt v0.5.1 // indirect
