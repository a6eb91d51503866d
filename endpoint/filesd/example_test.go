package filesd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/filesd"
)

var _ = []any{file, patient}

// A Publisher tells what it is told.
func Example_publisher() {
	var publisher muxendpoint.Publisher
	set := muxendpoint.NewSet(&publisher, nil)
	defer set.Close()
	publisher.Publish([]muxendpoint.Instance{{Address: "10.0.0.1:8080"}, {Address: "10.0.0.2:8080", Weight: 2}})
	fmt.Println(publisher.Await(context.Background()))
	// Output: <nil>
}

func file(logger log.Logger) (*muxendpoint.Set, error) {
	instancer, err := filesd.NewInstancer("/etc/nodes/stock", filesd.WithLogger(logger))
	if err != nil {
		return nil, err
	}
	set := muxendpoint.NewSet(instancer, logger)
	return set, nil
}

func patient(of muxendpoint.Instancer, logger log.Logger) (*muxendpoint.Set, error) {
	remembered, err := filesd.Remember(of, "/var/lib/shop/stock.nodes", filesd.WithLogger(logger))
	if err != nil {
		return nil, err
	}
	begin, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := remembered.Await(begin); err != nil {
		return nil, err // neither discovery nor the file names a node
	}
	set := muxendpoint.NewSet(remembered, logger)
	return set, nil
}

// A file that somebody writes, looked at again and again, and a copy of what it said, for when
// it is gone.
func ExampleNewInstancer() {
	dir, err := os.MkdirTemp("", "filesd")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "stock"), []byte("10.0.0.1:8080\n10.0.0.2:8080\n"), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	instancer, err := filesd.NewInstancer(filepath.Join(dir, "stock"), filesd.WithInterval(50*time.Millisecond)) // default a second
	if err != nil {
		fmt.Println(err)
		return
	}
	defer instancer.Stop()
	remembered, err := filesd.Remember(instancer, filepath.Join(dir, "copy"), filesd.WithMaxAge(time.Hour)) // older than that the copy is not used
	if err != nil {
		fmt.Println(err)
		return
	}
	defer remembered.Stop()
	fmt.Println(remembered.Await(context.Background()))
	set := muxendpoint.NewSet(remembered, nil)
	defer set.Close()
	fmt.Println(len(set.Nodes()), "nodes")
	// Output:
	// <nil>
	// 2 nodes
}
