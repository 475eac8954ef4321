import BridgeCore
import BridgeTesting
import JSON
import Testing

@testable import DiscordAdapter

/// What interactions, webhook events and dispatches become.
struct DiscordEventTests {
    typealias S = DiscordSamples

    static func ida(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, in channel: String = "500",
        attachments: Int = 0, target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "61", conversation: channel, attachments: attachments,
            target: target, replyTo: replyTo)
    }

    static let file =
        #"{"id":"71","filename":"a.png","content_type":"image/png","size":12,"url":"https://cdn.example.test/a.png","width":3,"height":4}"#

    static let interactions: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.interaction(2, #"{"id":"1","name":"ask","type":1,"options":[{"name":"q","type":3,"value":"why?"}]}"#),
            [ida(.command, isAnswered: true, text: "/ask why?")]
        ),
        (
            S.direct(2, #"{"id":"1","name":"start","type":1}"#),
            [ida(.command, isAnswered: true, text: "/start", in: "501")]
        ),
        (
            S.interaction(
                2,
                #"{"name":"set","type":1,"options":[{"name":"colour","type":2,"options":[{"name":"of","type":1,"options":[{"name":"who","type":6,"value":"8"},{"name":"where","type":7,"value":"9"},{"name":"n","type":4,"value":17},{"name":"x","type":10,"value":1.5},{"name":"now","type":5,"value":false}]}]}],"resolved":{"users":{"8":{"id":"8","username":"ole"}},"channels":{"9":{"name":"quay"}}}}"#
            ),
            [ida(.command, isAnswered: true, text: "/set colour of who:@ole where:#quay n:17 x:1.5 now:false")]
        ),
        (
            S.interaction(
                2,
                #"{"name":"scan","type":1,"options":[{"name":"f","type":11,"value":"71"}],"resolved":{"attachments":{"71":\#(file)}}}"#
            ), [ida(.command, isAnswered: true, text: "/scan a.png", attachments: 1)]
        ),
        (
            S.interaction(
                2,
                #"{"name":"Translate","type":3,"target_id":"33","resolved":{"messages":{"33":{"id":"33","content":"bonjour","attachments":[\#(file)]}}}}"#
            ), [ida(.command, isAnswered: true, text: "Translate bonjour", attachments: 1, target: "33")]
        ),
        (
            S.interaction(3, #"{"component_type":2,"custom_id":"yes"}"#, #","message":{"id":"44"}"#),
            [ida(.button, isAnswered: true, text: "yes", target: "44")]
        ),
        (
            S.interaction(3, #"{"component_type":3,"custom_id":"pick","values":["a","b"]}"#),
            [ida(.button, isAnswered: true, text: "a b")]
        ),
        (
            S.interaction(
                3,
                #"{"component_type":5,"custom_id":"who","values":["8"],"resolved":{"users":{"8":{"username":"ole"}}}}"#),
            [ida(.button, isAnswered: true, text: "@ole")]
        ),
        (
            S.interaction(
                5,
                #"{"custom_id":"form","components":[{"type":1,"components":[{"type":4,"custom_id":"n","value":"Ida"}]},{"type":18,"component":{"type":3,"values":["x","y"]}}]}"#
            ), [ida(.event, isAnswered: true, text: "Ida\nx y")]
        ),
        (S.interaction(4, #"{"name":"ask","options":[{"name":"q","value":"w","focused":true}]}"#), [ida(.event)]),
        (S.interaction(42, #"{"new":"thing"}"#), [ida(.event)]),
        (#"{"type":1}"#, []),
        (#"{"type":0,"version":1}"#, []),
        (
            #"{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2024-10-18T14:42:53.064834","data":{"user":{"id":"61","username":"ida"},"guild":{"id":"900"}}}}"#,
            [ida(.event, in: "900")]
        ),
        (
            #"{"version":1,"type":1,"event":{"type":"LOBBY_MESSAGE_CREATE","data":{"id":"88","lobby_id":"77","author":{"id":"61"},"content":"to arms"}}}"#,
            [ida(.text, text: "to arms", in: "77")]
        ),
        (
            #"{"version":1,"type":1,"event":{"type":"SOMETHING_NEW"}}"#,
            [ExpectedEvent(.event, conversation: "SOMETHING_NEW")]
        ),
    ]

    static let messages: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.directMessage(#""content":"good morning""#),
            [ida(.text, isAnswered: true, text: "good morning", in: "501")]
        ),
        (S.message(#""content":"just talk""#), [ida(.text, text: "just talk")]),
        (
            S.message(
                #""content":"<@!1400000000000000001> come to <#7> <:wave:99>","mentions":[{"id":"1400000000000000001","username":"harbour"}]"#
            ), [ida(.text, isAnswered: true, text: "@harbour come to #7 :wave:")]
        ),
        (
            S.message(
                #""content":"and then?","type":19,"message_reference":{"type":0,"message_id":"40"},"referenced_message":{"id":"40","author":{"id":"1400000000000000001"}}"#
            ), [ida(.text, isAnswered: true, text: "and then?", replyTo: "40")]
        ),
        (
            S.message(
                #""content":"","message_reference":{"type":1,"message_id":"40"},"message_snapshots":[{"message":{"content":"far away","attachments":[\#(file)]}}]"#
            ), [ida(.image, text: "far away", attachments: 1)]
        ),
        (
            S.directMessage(#""content":"","attachments":[\#(file)],"sticker_items":[{"id":"5","name":"Wow"}]"#),
            [ida(.image, isAnswered: true, in: "501", attachments: 2)]
        ),
        // Nothing to answer: the words were withheld.
        (S.directMessage(#""content":"""#), [ida(.text, in: "501")]),
        (S.message(#""content":"welcome","type":7"#), [ida(.joined, text: "welcome")]),
        (S.message(#""content":"","type":6"#), [ida(.event)]),
        (
            S.dispatch(
                "MESSAGE_CREATE",
                #"{"id":"1","channel_id":"501","content":"beep","author":{"id":"62","bot":true}}"#),
            [ExpectedEvent(.text, text: "beep", sender: "62", conversation: "501")]
        ),
        (
            S.dispatch(
                "MESSAGE_CREATE",
                #"{"id":"1","channel_id":"501","content":"hook","webhook_id":"62","author":{"id":"62"}}"#),
            [ExpectedEvent(.text, text: "hook", sender: "62", conversation: "501")]
        ),
        // Our own answers come back.
        (
            S.dispatch(
                "MESSAGE_CREATE",
                #"{"id":"1","channel_id":"501","content":"hi","nonce":"cb-AZkAAAAAcACAAAAAAAAAAQ","author":{"id":"1400000000000000001","bot":true}}"#
            ), []
        ),
        (
            S.dispatch(
                "MESSAGE_CREATE",
                #"{"id":"1","type":20,"channel_id":"501","content":"","interaction_metadata":{"id":"7"},"author":{"id":"1400000000000000001","bot":true}}"#
            ), []
        ),
        (
            S.dispatch(
                "MESSAGE_UPDATE",
                #"{"id":"1","channel_id":"501","content":"hi there","edited_timestamp":"2026-09-21T13:33:21+00:00","author":{"id":"1400000000000000001","bot":true}}"#
            ), []
        ),
    ]

    static let others: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.message(
                #""content":"right","edited_timestamp":"2026-09-21T13:33:21.000000+00:00""#, event: "MESSAGE_UPDATE"),
            [ida(.edited, text: "right", target: "1420000000000000900")]
        ),
        // A preview was found for a link.
        (
            S.message(
                #""content":"https://a.test","edited_timestamp":null,"embeds":[{}]"#, event: "MESSAGE_UPDATE"),
            [ida(.event, text: "https://a.test", target: "1420000000000000900")]
        ),
        (
            S.dispatch("MESSAGE_UPDATE", #"{"id":"44","channel_id":"500","guild_id":"900","embeds":[{}]}"#),
            [ExpectedEvent(.event, conversation: "500", target: "44")]
        ),
        (
            S.dispatch("MESSAGE_DELETE", #"{"id":"44","channel_id":"500","guild_id":"900"}"#),
            [ExpectedEvent(.deleted, conversation: "500", target: "44")]
        ),
        (
            S.dispatch("MESSAGE_DELETE_BULK", #"{"ids":["44","45"],"channel_id":"500","guild_id":"900"}"#),
            [
                ExpectedEvent(.deleted, conversation: "500", target: "44"),
                ExpectedEvent(.deleted, conversation: "500", target: "45"),
            ]
        ),
        (
            S.dispatch(
                "MESSAGE_REACTION_REMOVE",
                #"{"user_id":"61","message_id":"44","channel_id":"500","emoji":{"id":"99","name":"wave"}}"#),
            [ida(.reaction, target: "44")]
        ),
        (
            S.dispatch("GUILD_MEMBER_ADD", #"{"guild_id":"900","nick":null,"user":{"id":"61","username":"ida"}}"#),
            [ida(.joined, in: "900")]
        ),
        (
            S.dispatch("GUILD_MEMBER_REMOVE", #"{"guild_id":"900","user":{"id":"61","username":"ida"}}"#),
            [ida(.left, in: "900")]
        ),
        (
            S.dispatch(
                "THREAD_MEMBERS_UPDATE",
                #"{"id":"600","guild_id":"900","added_members":[{"user_id":"61"}],"removed_member_ids":["61"]}"#),
            [ida(.joined, in: "600"), ida(.left, in: "600")]
        ),
        (
            S.dispatch("THREAD_CREATE", #"{"id":"600","guild_id":"900","parent_id":"500","owner_id":"61","name":"t"}"#),
            [ida(.event, in: "600")]
        ),
        (S.dispatch("GUILD_CREATE", #"{"id":"900","channels":[]}"#), []),
        (S.dispatch("TYPING_START", #"{"channel_id":"500","user_id":"61"}"#), []),
        (
            S.dispatch("MESSAGE_POLL_VOTE_ADD", #"{"channel_id":"500","user_id":"61","answer_id":1}"#),
            [ida(.event)]
        ),
        (S.dispatch("SOMETHING_NEW", #"{"x":[{}]}"#), [ExpectedEvent(.event, conversation: "SOMETHING_NEW")]),
    ]

    static let rows = interactions + messages + others

    @Test(arguments: rows.indices)
    func `a payload becomes what it means`(index: Int) throws {
        let (body, expected) = Self.rows[index]
        #expect(try S.events(body).map { ExpectedEvent(of: $0) } == expected, "\(body)")
    }

    @Test func `an interaction carries the right to answer it, and the sender's language`() throws {
        let event = try #require(try S.events(S.interaction(2, #"{"name":"ask","type":1}"#)).first)
        #expect(event.replyContext == ["application": S.application, "token": "itoken"])
        #expect(event.sender == InboundEvent.Sender(id: PlatformUserID("61"), name: "Ida of the harbour", locale: "uk"))
        #expect(event.place.isGroup)
        #expect(event.id == EventID("interaction:1420000000000000777"))
        #expect(try S.events(S.direct(2, #"{"name":"ask","type":1}"#)).first?.place.isGroup == false)
    }

    @Test func `an interaction of the Gateway asks for its acknowledgement`() throws {
        let body = S.dispatch("INTERACTION_CREATE", S.interaction(2, #"{"name":"ask","type":1}"#))
        let event = try #require(try S.events(body).first)
        #expect(event.followUps == [.acknowledgeButton(id: "1420000000000000777")])
        #expect(event.text == "/ask")
        let action = OutboundAction(
            id: UUID(high: 1, low: 2), kind: try #require(event.followUps.first), place: event.place,
            replyContext: event.replyContext)
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(
            request.url
                == "https://discord.example.test/api/v10/interactions/1420000000000000777/itoken/callback")
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"type":5}"#)
    }

    @Test func `two previews of one edit are one event, a second edit is another`() throws {
        func id(_ time: String) throws -> EventID? {
            try S.events(S.message(#""content":"x","edited_timestamp":"\#(time)""#, event: "MESSAGE_UPDATE")).first?.id
        }
        #expect(try id("2026-09-21T13:33:21.1+00:00") == id("2026-09-21T13:33:21.1+00:00"))
        #expect(try id("2026-09-21T13:33:21.1+00:00") != id("2026-09-21T13:33:22.1+00:00"))
    }

    @Test func `a file is kept by reference with what is known of it`() throws {
        let event = try #require(try S.events(S.directMessage(#""content":"","attachments":[\#(Self.file)]"#)).first)
        #expect(
            event.attachments == [
                Attachment(
                    kind: .image, reference: "71", url: "https://cdn.example.test/a.png", name: "a.png",
                    contentType: "image/png", size: 12, width: 3, height: 4)
            ])
    }

    @Test(arguments: [
        ("plain", "plain"), ("a < b > c", "a < b > c"), ("<@61> <@!62>", "@Ida @62"), ("<@&5>", "@5"),
        ("<#9>", "#quay"), ("<:x:1><a:y:2>", ":x::y:"), ("<t:1618953630:R>", "2021-04-20T21:20:30.000000Z"),
        ("</ask me:12>", "/ask me"), ("<@x> <:no:> <t:> <>", "<@x> <:no:> <t:> <>"),
        ("<https://a.test>", "<https://a.test>"),
        ("<<@61>", "<@Ida"),
    ])
    func `a text is written out as a reader sees it`(raw: String, readable: String) throws {
        let message = try JSONView(
            parsing: #"{"mentions":[{"id":"61","global_name":"Ida"}],"mention_channels":[{"id":"9","name":"quay"}]}"#)
        #expect(DiscordText.readable(raw, of: message) == readable)
    }

    @Test func `an id holds its time`() {
        // The example of "API reference", snowflakes.
        #expect(DiscordSnowflake.timestamp("175928847299117063") == Timestamp(microseconds: 1_462_015_105_796_000))
        #expect(DiscordSnowflake.timestamp("17") == nil)
        #expect(DiscordSnowflake.timestamp(DiscordSnowflake.id(at: S.now, number: 4)) == S.now)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        var configuration = S.configuration
        if let bot = row.bot { configuration.applicationID = bot }
        let adapter = DiscordAdapter(configuration: configuration)
        let events = try adapter.receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "discord") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
