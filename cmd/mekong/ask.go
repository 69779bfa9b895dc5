package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxAnswer bounds a line that somebody types or pastes.
const maxAnswer = 16 << 10

// asker asks whoever is at the terminal, or a script that pipes answers in, one line
// each. It is used by one goroutine.
type asker struct {
	in  io.Reader
	out io.Writer
	buf *bufio.Reader
}

// newAsker asks on in. One that asks there already goes on, because it may have read
// ahead.
func newAsker(in io.Reader, out io.Writer) *asker {
	if a, ok := in.(*asker); ok {
		return a
	}
	return &asker{in: in, out: out, buf: bufio.NewReaderSize(in, maxAnswer)}
}

// Read gives what was not asked for yet.
func (a *asker) Read(p []byte) (int, error) { return a.buf.Read(p) }

// errNoAnswer means that the input ended before an answer.
var errNoAnswer = errors.New("there was no answer")

// line asks for a line, and gives it without spaces around it. When ctx ends first,
// the reading is left behind and ends with the input.
func (a *asker) line(ctx context.Context, question string) (string, error) {
	fmt.Fprint(a.out, question)
	return within(ctx, func() (string, error) {
		text, err := a.buf.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return "", errors.New("the answer is too long")
		case err != nil && !errors.Is(err, io.EOF):
			return "", err
		}
		if answer := strings.TrimSpace(string(text)); answer != "" || err == nil {
			return answer, nil
		}
		return "", errNoAnswer
	})
}

// secret asks for a line that is not shown while it is typed.
func (a *asker) secret(ctx context.Context, question string) (string, error) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		text, err := a.line(ctx, question)
		fmt.Fprintln(a.out)
		return text, err
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(a.out, question)
	text, err := within(ctx, func() (string, error) {
		b, err := term.ReadPassword(int(f.Fd()))
		return strings.TrimSpace(string(b)), err
	})
	fmt.Fprintln(a.out)
	if ctx.Err() != nil {
		_ = term.Restore(int(f.Fd()), state) // the reading that is left behind would keep it silent
	}
	return text, err
}

// yes asks for a decision. Only y and yes, in English or Vietnamese, are one.
func (a *asker) yes(ctx context.Context, question string) (bool, error) {
	answer, err := a.line(ctx, question)
	if errors.Is(err, errNoAnswer) {
		return false, nil
	}
	switch strings.ToLower(answer) {
	case "y", "yes", "c", "có", "co":
		return true, err
	}
	return false, err
}

// within waits for read or for the end of ctx.
func within(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		text, err := read()
		got <- result{text, err}
	}()
	select {
	case r := <-got:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
