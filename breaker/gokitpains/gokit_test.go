package gokitpains

import (
	_ "github.com/go-kit/kit/circuitbreaker"
	_ "github.com/muxkit/muxkit/breaker"
	_ "github.com/sony/gobreaker"
)
