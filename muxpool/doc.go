// Package muxpool carries many virtual connections on few real ones.
package muxpool
