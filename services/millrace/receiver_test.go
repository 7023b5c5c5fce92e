package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
)

// hookReceiver is the program hook-receiver of the scripts: hook-receiver FILE SECRET. It
// writes its address to FILE, and a line for each webhook that the official library of
// Standard Webhooks finds to be signed with what the file SECRET holds then.
func hookReceiver() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte("http://"+l.Addr().String()+"/hook"), 0o600)
	}
	if err == nil {
		err = http.Serve(l, http.HandlerFunc(receiveHook))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func receiveHook(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	secret, _ := os.ReadFile(os.Args[2])
	var n events.Notification
	hook, err := standardwebhooks.NewWebhook(string(secret))
	if err == nil {
		err = hook.Verify(body, r.Header)
	}
	if err == nil {
		err = json.Unmarshal(body, &n)
	}
	if err != nil {
		fmt.Println("refused", err)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	fmt.Println(n.Data.Event, n.Data.State, n.Data.Job)
}
