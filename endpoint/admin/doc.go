// Package admin shows on one page what a process knows of its services: which node is out,
// why, and when it returns.
//
//	Sets, groups of breakers, pools, Services --Stats--> page --tables--> HTML, plain text
//	pools, groups of breakers --Subscribe--> events ------^ \-----------> JSON
//
// The page is made at each request from what its parts tell of themselves anyway:
//
//	page, err := admin.New(
//		admin.WithSet(set), admin.WithBreakers("", breakers),
//		admin.WithPool("", pool), admin.WithService("stock", service))
//	...
//	defer page.Close()
//	mux.Handle("/debug/mux", page)
//
// It is HTML for browsers, without scripts and without anything from elsewhere, and asks them
// to come again each 5 s; ?refresh=0 stops that, ?refresh=60 is once a minute. The same as
// plain text is ?format=text, and as JSON ?format=json; an Accept header that names one of
// text/html, text/plain and application/json first says it as well. All times are UTC.
//
// The top of the page says what is out, why, and when it is tried again.
//
// # Actions
//
// With WithActions a row links the page of its node, which has a form for each action: trip,
// force-open, enable and reset of breakers, drain and undrain of a Set. A form is a POST to
// the page, of its own origin (http.CrossOriginProtection), with action, name and node, as the page shows
// them, and anyway=yes where no other node would take calls. Done is 303; what was not done
// is a 4xx with the reason.
//
// # Events
//
// The newest are first. What repeats within a minute is one line, with its number and the times
// of the first and the last. The 200 lines heard of last are kept (WithEvents); what was let go, and
// what was not heard in time, is counted.
//
// # Locks and goroutines
//
// The package starts no goroutine. A call costs it what (*muxendpoint.Set).Measure costs, unless
// WithoutMeasuring. Its subscriptions end with Close.
// The lock of the events is a leaf: nothing is called under it. That of the actions is held
// while the locks of Stats are taken.
//
// # Limits
//
// It is for reading, unless WithActions lets who reaches it act. The page names addresses,
// methods and errors: serve it where the public cannot reach it (docs/security.md). Texts of others are cut to 256 bytes, and
// quoted where they hold what does not print. Of a table the first 500 rows are shown, those
// first that are not well, and how many there are more; JSON has them all. The page takes the
// locks of its parts' Stats, so one of many nodes is none to be fetched many times a second.
// The names in its JSON are experimental.
package admin
