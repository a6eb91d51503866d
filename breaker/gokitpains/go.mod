module github.com/muxkit/muxkit/breaker/gokitpains

go 1.25

require (
	github.com/go-kit/kit v0.13.0
	github.com/muxkit/muxkit v0.0.0
	github.com/sony/gobreaker v1.0.0
)

require (
	github.com/afex/hystrix-go v0.0.0-20180502004556-fa1af6a1f4f5 // indirect
	github.com/go-kit/log v0.2.1 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/smartystreets/goconvey v1.8.1 // indirect
	github.com/streadway/handy v0.0.0-20200128134331-0f66f006fb2e // indirect
)

replace github.com/muxkit/muxkit => ../..
