// Command dashboard writes a dashboard for Grafana, and rules by which Prometheus raises
// alerts, over the metrics of package prommux:
//
//	go generate ./...       in this folder, after a change
//
// grafana.json is to be imported in Grafana, which asks for the source of data; alerts.yml is
// named in Prometheus's configuration, under rule_files. docs/telemetry.md says what to do
// when an alert fires.
package main

import (
	"fmt"
	"os"
)

//go:generate go run .

func main() {
	for name, make := range files {
		content, err := make()
		if err == nil {
			err = os.WriteFile(name, content, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "dashboard:", name+":", err)
			os.Exit(1)
		}
	}
}

// files are what is made here.
var files = map[string]func() ([]byte, error){
	"grafana.json": grafana,
	"alerts.yml":   func() ([]byte, error) { return rules(1) },
}
