import unittest

from counting import Counts, Delivery, Message, Row, broken, count

SORRY = "sorry"
LANE = ("telegram", "1")


class Story:
    """Two messages of one conversation of which everything went well; each test spoils one thing."""

    def __init__(self):
        self.sent = [Message(*LANE, 1), Message(*LANE, 2)]
        self.acked = set(self.sent)
        self.deliveries = [Delivery(*LANE, message.answer, f"name {message.number}") for message in self.sent]
        self.rows = [Row(f"in-{message.number}", "inbound", *LANE, message.text, "received", "") for message in self.sent]
        self.rows += [
            Row(f"out-{message.number}", "outbound", *LANE, message.answer, "sent", f"in-{message.number}")
            for message in self.sent]
        self.dead: list[str] = []

    def apology(self, number: int) -> Row:
        return Row(f"sorry-{number}", "outbound", *LANE, SORRY, "sent", f"in-{number}")

    def count(self) -> Counts:
        return count(self.sent, self.acked, self.deliveries, self.rows, SORRY, self.dead)


class CountingTests(unittest.TestCase):
    def setUp(self):
        self.story = Story()

    def expect(self, **values: int) -> Counts:
        counts = self.story.count()
        found = {name: value for name, value in counts.as_dict().items() if value and name != "examples"}
        self.assertEqual(found, {"sent": 2, **values})
        return counts

    def test_nothing_is_wrong_where_nothing_went_wrong(self):
        counts = self.expect(acked=2, once=2)
        self.assertEqual(broken(counts, "durable", True, True), [])

    def test_an_acknowledged_message_without_answer_is_lost(self):
        del self.story.deliveries[1], self.story.rows[3]
        counts = self.expect(acked=2, once=1, lost=1)
        self.assertEqual(broken(counts, "durable", True, True), ["1 lost"])
        self.assertEqual(broken(counts, "fast", True, False), [])
        self.assertEqual(broken(counts, "fast", False, True), ["1 lost"])

    def test_a_message_that_was_never_acknowledged_is_not_lost_but_said(self):
        self.story.acked.discard(self.story.sent[1])
        del self.story.deliveries[1], self.story.rows[3], self.story.rows[1]
        counts = self.expect(acked=1, once=1)
        self.assertEqual(broken(counts, "durable", True, True), ["1 never acknowledged"])

    def test_an_answer_of_two_names_was_given_twice(self):
        self.story.deliveries.append(Delivery(*LANE, "re: c1n1", "another name"))
        counts = self.expect(acked=2, once=1, twice=1)
        self.assertEqual(broken(counts, "durable", True, True), ["1 twice"])

    def test_an_answer_sent_again_under_its_name_is_one_answer(self):
        self.story.deliveries.append(self.story.deliveries[1])
        counts = self.expect(acked=2, once=2, repeated=1)
        self.assertEqual(broken(counts, "durable", True, True), [])

    def test_who_was_told_of_an_error_has_lost_nothing(self):
        del self.story.deliveries[1], self.story.rows[3]
        self.story.rows.append(self.story.apology(2))
        self.story.deliveries.append(Delivery(*LANE, SORRY, "name 3"))
        self.expect(acked=2, once=1, in_doubt=1)

    def test_an_answer_with_an_apology_was_in_doubt_and_is_counted_as_such(self):
        self.story.rows.append(self.story.apology(2))
        self.expect(acked=2, once=1, in_doubt=1, in_doubt_shown=1)

    def test_a_dead_letter_that_names_the_message_is_not_a_loss(self):
        del self.story.deliveries[1], self.story.rows[3]
        self.story.dead.append('{"error":"in doubt","id":"in-2"}')
        self.expect(acked=2, once=1, in_doubt=1, dead=1)

    def test_a_dead_letter_of_another_message_excuses_nothing(self):
        del self.story.deliveries[1], self.story.rows[3]
        self.story.dead.append('{"error":"in doubt","id":"in-9","answer":"re: c1n22"}')
        self.expect(acked=2, once=1, lost=1)

    def test_an_answer_after_a_later_one_is_out_of_order(self):
        self.story.deliveries.reverse()
        counts = self.expect(acked=2, once=2, reordered=1)
        self.assertEqual(counts.examples["reordered"], ["telegram re: c1n1"])

    def test_conversations_have_no_order_among_each_other(self):
        other = ("webhook", "1")
        self.story.sent[1] = Message(*other, 1)
        self.story.acked = set(self.story.sent)
        self.story.deliveries = [Delivery(*other, "re: c1n1", "a"), Delivery(*LANE, "re: c1n1", "b")]
        self.assertEqual(self.story.count().reordered, 0)
        self.assertEqual(self.story.count().once, 2)

    def test_a_missing_row_of_each_direction_is_seen(self):
        del self.story.rows[2], self.story.rows[0]
        self.expect(acked=2, once=2, inbound_missing=1, outbound_missing=1)

    def test_a_doubled_row_of_each_direction_is_seen(self):
        self.story.rows.append(Row("in-3", "inbound", *LANE, "c1n1", "received", ""))
        self.story.rows.append(Row("out-3", "outbound", *LANE, "re: c1n2", "sent", "in-2"))
        self.expect(acked=2, once=2, inbound_doubled=1, outbound_doubled=1)

    def test_an_answer_in_doubt_needs_no_row(self):
        del self.story.rows[3]
        self.story.dead.append('{"error":"in doubt","id":"in-2"}')
        self.assertEqual(self.story.count().outbound_missing, 0)

    def test_an_answer_that_was_never_shown_needs_no_row(self):
        del self.story.deliveries[1], self.story.rows[3]
        self.story.rows.append(self.story.apology(2))
        self.assertEqual(self.story.count().outbound_missing, 0)


if __name__ == "__main__":
    unittest.main()
