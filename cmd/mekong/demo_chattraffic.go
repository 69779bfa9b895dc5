package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mekong/cmd/internal/leads"
)

// chatter is the made-up customers who talk to the chatbot while leads come in.
type chatter struct {
	log  *chatLog
	rate float64 // messages a second
	base uint64

	talks  []*talk
	begun  int64 // conversations
	saved  int64
	why    string // the last save that failed
	failed int64
}

const (
	chatShare   = 10   // so many leads for one message of a conversation
	chatFastest = 10.0 // messages a second, however many leads
	chatAtOnce  = 5    // conversations that go on side by side
)

func newChatter(l *chatLog, leadsPerSecond int) *chatter {
	return &chatter{log: l, rate: min(float64(leadsPerSecond)/chatShare, chatFastest), base: uint64(time.Now().UnixNano())}
}

// run writes messages at fixed times for the given length, 0 until ctx ends. One that is
// under way is finished.
func (c *chatter) run(ctx context.Context, length time.Duration) {
	if c.rate == 0 {
		return
	}
	start := time.Now()
	most := int64(length.Seconds() * c.rate)
	for n := int64(0); length == 0 || n < most; n++ {
		if !until(ctx, start.Add(time.Duration((float64(n)+0.5)/c.rate*float64(time.Second)))) {
			return
		}
		c.message(context.WithoutCancel(ctx), n)
	}
}

// message is the n-th: the next of one of the conversations that are going on.
func (c *chatter) message(ctx context.Context, n int64) {
	script := chatScript(c.base + uint64(n/(chatAtOnce*chatLength)*chatAtOnce+n%chatAtOnce))
	line := int(n / chatAtOnce % chatLength)
	slot := int(n % chatAtOnce)
	if line == 0 {
		t := &talk{id: fmt.Sprintf("demo-%x", c.base+uint64(n))}
		if c.begun++; slot < len(c.talks) {
			c.talks[slot] = t
		} else {
			c.talks = append(c.talks, t)
		}
	}
	ctx, done := context.WithTimeout(ctx, answerWait)
	defer done()
	t := c.talks[slot]
	t.hear(script[line], time.Now())
	if err := c.log.save(ctx, t); err != nil {
		c.failed, c.why = c.failed+1, err.Error() // the next save has it all
		return
	}
	c.saved++
}

// chatLength is how many messages a made-up customer writes.
const chatLength = 4

// chatScript is what customer number n writes: the same for the same n.
func chatScript(n uint64) [chatLength]string {
	var name, phone string
	for _, f := range leads.Make(n) {
		switch f.Name {
		case "name":
			name = f.Value
		case "phone":
			phone = f.Value
		}
	}
	if !strings.HasPrefix(phone, "+") && !strings.HasPrefix(phone, "0") {
		phone = "0" + phone
	}
	switch n % 4 {
	case 0:
		return [...]string{"Hello, how much is the IELTS course?", "My name is " + name, "When are the evening classes?", "My phone is " + phone}
	case 1:
		return [...]string{"Chào trung tâm, học phí khóa TOEIC bao nhiêu ạ?", "Em tên là " + name, "Có lớp buổi tối không ạ?", "Số em là " + phone}
	case 2:
		return [...]string{"Cho mình hỏi lịch khai giảng lớp trẻ em", name, "Số của mình " + phone, "Cảm ơn nhé"}
	}
	return [...]string{"Mình muốn học giao tiếp", "Tên mình là " + name, "Học phí bao nhiêu vậy?", phone}
}
