package stage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

func TestMeterReports(t *testing.T) {
	t.Parallel()
	var got []int64
	task := &stage.Task{Report: func(done, total int64, unit string) {
		if total != 9 || unit != "bytes" {
			t.Errorf("total %d, unit %q", total, unit)
		}
		got = append(got, done)
	}}
	m := task.Meter(9)
	if _, err := io.ReadAll(m.Reader(t.Context(), strings.NewReader("1234"))); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := m.Writer(t.Context(), &b).Write([]byte("56789")); err != nil || b.String() != "56789" {
		t.Fatal(err, b.String())
	}
	if diff := cmp.Diff([]int64{4, 4, 9}, got); diff != "" {
		t.Error(diff)
	}
	if m.Done() != 9 {
		t.Errorf("Done = %d", m.Done())
	}
}

func TestMeterStopsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	m := (&stage.Task{}).Meter(0)
	r, w := m.Reader(ctx, strings.NewReader("abc")), m.Writer(ctx, io.Discard)
	why := fault.New(fault.StageDraining, "", nil)
	stop(why)
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, why) {
		t.Errorf("Read = %v", err)
	}
	if _, err := w.Write([]byte("a")); !errors.Is(err, why) {
		t.Errorf("Write = %v", err)
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	task := &stage.Task{Step: "pack"}
	if _, err := task.Inputs(); !fault.Has(err, fault.StageNoInput) {
		t.Errorf("got %v", err)
	}
	task.Files = []events.File{{Size: 3}, {Size: 4}}
	files, err := task.Inputs()
	if err != nil || stage.Size(files) != 7 {
		t.Errorf("got %v, %v", files, err)
	}
}
