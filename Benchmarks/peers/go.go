// A bridge with Go's net/http and go-redis v5 (Debian: golang-gopkg-redis.v5-dev).
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o go go.go
package main

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	redis "gopkg.in/redis.v5"
)

func env(k, d string) string {
	if v := os.Getenv(k); v != "" {
		return v
	}
	return d
}

var (
	secret   = []byte(env("WEBHOOK_SECRET", "bench-secret"))
	agentURL = env("AGENT_URL", "http://127.0.0.1:18111") + "/api/agents/bench/generate"
	sendURL  = env("TELEGRAM_API", "http://127.0.0.1:18081") + "/bot" + env("BOT_TOKEN", "123456:bench-token") + "/sendMessage"
	client   = &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 4096, IdleConnTimeout: 90 * time.Second}}
	jobs     = make(chan []byte, 50000)
)

type user struct {
	ID        int64  `json:"id"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
}
type message struct {
	MessageID int64 `json:"message_id"`
	From      *user `json:"from"`
	Chat      struct {
		ID int64 `json:"id"`
	} `json:"chat"`
	Date int64  `json:"date"`
	Text string `json:"text"`
}
type update struct {
	UpdateID int64    `json:"update_id"`
	Message  *message `json:"message"`
}
type turn struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}
type agentRequest struct {
	Messages []turn `json:"messages"`
	Memory   struct {
		Thread   string `json:"thread"`
		Resource string `json:"resource"`
	} `json:"memory"`
}
type agentReply struct {
	Text         string          `json:"text"`
	FinishReason string          `json:"finishReason"`
	Usage        json.RawMessage `json:"usage"`
}
type sendRequest struct {
	ChatID int64  `json:"chat_id"`
	Text   string `json:"text"`
}
type sendReply struct {
	OK     bool `json:"ok"`
	Result struct {
		MessageID int64 `json:"message_id"`
	} `json:"result"`
}
type logJob struct {
	ID             string                 `json:"id"`
	Platform       string                 `json:"platform"`
	ConversationID string                 `json:"conversationId"`
	MessageID      string                 `json:"messageId"`
	Direction      string                 `json:"direction"`
	Sender         user                   `json:"sender"`
	Text           string                 `json:"text"`
	Type           string                 `json:"type"`
	Attachments    []string               `json:"attachments"`
	Timestamps     map[string]time.Time   `json:"timestamps"`
	Metadata       map[string]interface{} `json:"metadata"`
}

func post(url string, in, out interface{}) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := client.Post(url, "application/json", bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	b, err = io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != 200 {
		return fmt.Errorf("%s: %d", url, r.StatusCode)
	}
	return json.Unmarshal(b, out)
}

func record(j *logJob) {
	b, err := json.Marshal(j)
	if err != nil {
		return
	}
	select {
	case jobs <- b:
	default: // full: the answer path does not wait for the log
	}
}

func writeLog(c *redis.Client) {
	for b := range jobs {
		batch := []interface{}{b}
	gather:
		for len(batch) < 256 {
			select {
			case b := <-jobs:
				batch = append(batch, b)
			default:
				break gather
			}
		}
		for c.LPush("chatbridge:log", batch...).Err() != nil {
			time.Sleep(500 * time.Millisecond)
		}
	}
}

// conversations runs the messages of one chat one after the other, in a goroutine that lives while there are any.
type conversations struct {
	sync.Mutex
	queues map[int64][]*update
}

func (c *conversations) add(u *update) {
	c.Lock()
	q, running := c.queues[u.Message.Chat.ID]
	c.queues[u.Message.Chat.ID] = append(q, u)
	c.Unlock()
	if !running {
		go c.run(u.Message.Chat.ID)
	}
}

func (c *conversations) run(chat int64) {
	for {
		c.Lock()
		q := c.queues[chat]
		if len(q) == 0 {
			delete(c.queues, chat)
			c.Unlock()
			return
		}
		u := q[0]
		c.queues[chat] = q[1:]
		c.Unlock()
		if err := handle(u); err != nil {
			log.Print(err)
		}
	}
}

func handle(u *update) error {
	m := u.Message
	thread := "telegram:" + strconv.FormatInt(m.Chat.ID, 10)
	from := user{ID: m.Chat.ID}
	if m.From != nil {
		from = *m.From
	}
	mid := strconv.FormatInt(m.MessageID, 10)
	record(&logJob{thread + ":" + mid, "telegram", thread, mid, "inbound", from, m.Text, "text", []string{},
		map[string]time.Time{"sent": time.Unix(m.Date, 0), "logged": time.Now()}, map[string]interface{}{"updateId": u.UpdateID, "thread": thread, "agent": "bench"}})
	ask := agentRequest{Messages: []turn{{"user", m.Text}}}
	ask.Memory.Thread, ask.Memory.Resource = thread, strconv.FormatInt(from.ID, 10)
	var reply agentReply
	if err := post(agentURL, &ask, &reply); err != nil {
		return err
	}
	var sent sendReply
	if err := post(sendURL, &sendRequest{m.Chat.ID, reply.Text}, &sent); err != nil {
		return err
	}
	if !sent.OK {
		return fmt.Errorf("sendMessage failed")
	}
	mid, now := strconv.FormatInt(sent.Result.MessageID, 10), time.Now()
	record(&logJob{thread + ":" + mid, "telegram", thread, mid, "outbound", user{ID: 0, Username: "bench_bot", FirstName: "Bench"}, reply.Text, "text", []string{},
		map[string]time.Time{"sent": now, "logged": now}, map[string]interface{}{"replyTo": m.MessageID, "thread": thread, "agent": "bench", "finishReason": reply.FinishReason, "usage": reply.Usage}})
	return nil
}

func main() {
	c := &conversations{queues: map[int64][]*update{}}
	go writeLog(redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + env("REDIS_PORT", "16379")}))
	http.HandleFunc("/webhooks/telegram", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Telegram-Bot-Api-Secret-Token")), secret) != 1 {
			w.WriteHeader(401)
			return
		}
		var u update
		b, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(b, &u) != nil {
			w.WriteHeader(400)
			return
		}
		if u.Message != nil && u.Message.Text != "" {
			c.add(&u)
		}
		w.WriteHeader(200)
	})
	http.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"ok"}`)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT", "18080"), nil))
}
