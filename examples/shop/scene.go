package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// scene is what befalls the services while they are called.
type scene struct {
	name     string
	what     string
	play     func(context.Context, *town, play) error
	promises []promise // beside what holds in every scene
}

// scenes are all of them, in the order in which they are played. Each leaves the town as it was.
var scenes = []scene{
	{"restart", "every process of every service ends at SIGTERM and is started again, one after the other", restart, []promise{nothingLost}},
	{"kill", "one process of each service is killed, and started again a while later", kill, []promise{idempotentKept}},
	{"stop", "one process of each service is stopped for a time", stop, []promise{idempotentKept}},
	{"scale", "orders and stock are scaled from 3 to 6, to 2, and to 3 again", scale, []promise{nothingLost}},
	{"renew", "all certificates are renewed, settings change, and every process of the stock is restarted", renew, []promise{nothingLost}},
}

func restart(ctx context.Context, t *town, p play) error {
	return each(ctx, t.all(), p.settle/4, func(n *process) error {
		if err := n.terminate(); err != nil {
			return err
		}
		return n.again()
	})
}

// one is a process of each service.
func (t *town) one() (nodes []*process) {
	for _, service := range slices.Backward(services) {
		nodes = append(nodes, t.nodes[service][0])
	}
	return nodes
}

func kill(ctx context.Context, t *town, p play) error {
	return each(ctx, t.one(), p.settle, func(n *process) error {
		if err := n.kill(); err != nil {
			return err
		}
		err := sleep(ctx, p.settle)
		return errors.Join(n.again(), err)
	})
}

func stop(ctx context.Context, t *town, p play) error {
	return each(ctx, t.one(), p.settle, func(n *process) error {
		if err := n.stop(); err != nil {
			return err
		}
		err := sleep(ctx, p.stop)
		return errors.Join(n.resume(), err)
	})
}

func scale(ctx context.Context, t *town, p play) error {
	for _, n := range []int{6, 2, 3} {
		for _, service := range []string{stock, orders} {
			err := t.grow(service, n)
			if err == nil && len(t.nodes[service]) > n {
				err = t.shrink(service, n)
			}
			if err == nil {
				err = sleep(ctx, p.settle)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func renew(ctx context.Context, t *town, p play) error {
	if err := makeCertificates(t.dir); err != nil {
		return err
	}
	for _, settings := range []string{`{"retry": {"attempts": 4}}`, `{"retry": {"attempts": 0}}`, `{}`} {
		if err := t.setSettings(settings); err != nil {
			return err
		}
		if err := each(ctx, t.all(), 0, (*process).reload); err != nil {
			return err
		}
		if err := sleep(ctx, p.settle/2); err != nil {
			return err
		}
	}
	return each(ctx, t.nodes[stock], p.settle/4, func(n *process) error { // new connections show the new certificates
		return errors.Join(n.terminate(), n.again())
	})
}

// each does something to one process after the other, and waits after each.
func each(ctx context.Context, nodes []*process, pause time.Duration, do func(*process) error) error {
	for _, n := range nodes {
		err := do(n)
		if err == nil {
			err = sleep(ctx, pause)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sceneList is a flag.Value.
type sceneList []scene

func (l sceneList) String() string {
	var names []string
	for _, s := range l {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// Set reads "all", or a list such as "kill,stop".
func (l *sceneList) Set(text string) error {
	*l = nil
	if text == "all" {
		*l = scenes
		return nil
	}
	for _, name := range strings.Split(text, ",") {
		i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("%q is neither all nor one of %v", name, sceneList(scenes))
		}
		*l = append(*l, scenes[i])
	}
	return nil
}
