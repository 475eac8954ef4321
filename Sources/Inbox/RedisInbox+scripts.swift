internal import Redis

/// The steps that must happen as one.
///
/// ARGV begins with the prefix of the keys, the id of the bridge that calls and its session. Lua has no rollback: what a script does first
/// leaves an event twice, never nowhere, where the rest should fail. At `maxmemory` Redis refuses a script's first write that
/// could grow, and none of those that come after another write: the scripts that take something in begin with such a one, and
/// those that somebody's answer hangs on begin with a write that is never refused (GETEX, DEL).
extension RedisInbox {
    /// All of them, to be loaded at once.
    static let scripts = [
        claim, begin, settle, mark, beat, join, declare, enter, fetch, audit, collect, restore, takeOver, retire,
    ]

    /// The prefix of the keys, who calls, and over which of its connections (see ``session``).
    private static let head = """
        local P, me, session = ARGV[1], ARGV[2], ARGV[3]
        local call = redis.call

        """

    /// Answers -1 when this bridge is gone and -2 when it has a newer connection: the command is late, and nobody waits for it.
    private static let fence = """
        local now = call('GET', P .. 'lease:' .. me)
        if now ~= session then
          if now and tonumber(now) > tonumber(session) then return -2 end
          if not now and call('EXISTS', P .. 'gone:' .. me) == 1 then return -1 end
        end

        """

    /// The same, and -3 without a lease: this bridge has ended, and the command is late, or it is to give a sign of life first.
    ///
    /// What is claimed without one nobody would look for.
    private static let fenceOfClaim = """
        local now = call('GET', P .. 'lease:' .. me)
        if now ~= session then
          if not now then return call('EXISTS', P .. 'gone:' .. me) == 1 and -1 or -3 end
          if tonumber(now) > tonumber(session) then return -2 end
        end

        """

    /// The same, for what must go on at `maxmemory`: renews the lease, for so many milliseconds, and makes the session known.
    private static func renew(_ lease: String) -> String {
        """
        local now = call('GETEX', P .. 'lease:' .. me, 'PX', \(lease))
        if now ~= session then
          if now and tonumber(now) > tonumber(session) then return -2 end
          if not now and call('EXISTS', P .. 'gone:' .. me) == 1 then return -1 end
          call('DEL', P .. 'lease:' .. me)
          call('SET', P .. 'lease:' .. me, session, 'PX', \(lease))
        end

        """
    }

    private static let lives = """
        local function lives(bridge) return call('EXISTS', P .. 'lease:' .. bridge) == 1 end

        """

    /// A record is its kind (a: to be answered, s: a signal, n: names alone), its number, the attempts and the length of its lane,
    /// then the lane and the payload.
    private static let records = """
        local function laneOf(record)
          local _, last, length = string.find(record, '^%a%d+ %d+ (%d+) ')
          return string.sub(record, last + 1, last + length)
        end

        """

    private static let lanes = """
        local function ownerOf(lane)
          local value = call('HGET', P .. 'lanes', lane)
          if not value then return nil, 0 end
          local space = string.find(value, ' ', 1, true)
          return string.sub(value, space + 1), tonumber(string.sub(value, 1, space - 1))
        end
        local function setLane(lane, owner, count) call('HSET', P .. 'lanes', lane, count .. ' ' .. owner) end

        """

    /// Counts one more entry of ours in a lane, unless another that lives has it; answers who has it.
    private static let enterLane = """
        local function enterLane(lane)
          local owner, count = ownerOf(lane)
          if owner and owner ~= me then
            if lives(owner) then return owner end
            count = 0
          end
          setLane(lane, me, count + 1)
          return me
        end

        """

    private static let send = """
        local function send(bridge, item)
          call('RPUSH', P .. 'mail:' .. bridge, item)
          local bell = P .. 'bell:' .. bridge
          if call('LLEN', bell) == 0 then call('RPUSH', bell, 'm') end
        end

        """

    private static let push = """
        local function push(list, first, last)
          for i = first, last, 1000 do call('LPUSH', list, unpack(ARGV, i, math.min(i + 999, last))) end
        end

        """

    /// The mail as id, record, progress.
    ///
    /// An item is `a` and an id, `r` and the id of one that was recovered, or `s`, an id and the
    /// record of a signal, which is held nowhere.
    private static let takeMail = """
        local function takeMail()
          local box = P .. 'mail:' .. me
          local items = call('LRANGE', box, 0, -1)
          if #items == 0 then return items end
          local mail = {}
          for _, item in ipairs(items) do
            local kind, id = string.sub(item, 1, 1), string.sub(item, 2, 37)
            local record = kind == 's' and string.sub(item, 38) or call('HGET', P .. 'held:' .. me, id)
            if record then
              mail[#mail + 1] = id
              mail[#mail + 1] = record
              mail[#mail + 1] = kind == 'r' and call('HGET', P .. 'begun:' .. me, id) or false
            end
          end
          call('DEL', box)
          return mail
        end

        """

    /// Claims events: ARGV 4 is the life of a mark in seconds, 5 the level (`p` or `n`), then for each event its id, purpose
    /// (`a`, `r`, `s`), lane, payload, count of names, names, count of log jobs, log jobs; KEYS 1 is the queue.
    ///
    /// Answers with a letter for each event that was decided (`t`, `d`, `f`), and where there is more to say with these letters,
    /// the dead bridge that the next event waits for (or nothing), and the mail; else what the fence says.
    static let claim = RedisScript(
        name: "claim",
        source: head + fenceOfClaim + lives + lanes + send + push + takeMail + """
            local life, level = ARGV[4], ARGV[5]
            local verdicts, waitsFor, at = '', '', 6
            while at <= #ARGV do
              local id, purpose, lane, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
              local names = at + 4
              local jobs = names + 1 + ARGV[names]
              local after = jobs + 1 + ARGV[jobs]
              local mark = false
              for n = names + 1, jobs - 1 do
                local found = call('GET', P .. 'seen:' .. ARGV[n])
                if found and found ~= 'd' and found ~= me and not lives(found) then
                  -- Lapsed, and perhaps only late: to be declared dead before its events are anybody else's.
                  if call('HEXISTS', P .. 'bridges', found) == 1 then waitsFor = found break end
                  found = false
                end
                mark = mark or found
              end
              if waitsFor ~= '' then break end
              if mark then
                for n = names + 1, jobs - 1 do
                  if jobs - names > 2 then call('SET', P .. 'seen:' .. ARGV[n], mark, 'EX', life, 'NX') end
                end
                verdicts = verdicts .. 'd'
              else
                local owner, count = me, 0
                if lane ~= '' and level == 'p' and purpose ~= 'r' then
                  local found, entries = ownerOf(lane)
                  if found == me then count = entries
                  elseif found and lives(found) then owner, count = found, entries
                  elseif found and call('HEXISTS', P .. 'bridges', found) == 1 then waitsFor = found break end
                end
                push(KEYS[1], jobs + 1, after - 1)
                if level == 'p' and (purpose == 'a' or owner ~= me) then
                  local record = purpose .. call('INCR', P .. 'seq') .. ' 0 ' .. #lane .. ' ' .. lane .. payload
                  if purpose == 'a' then
                    call('HSET', P .. 'held:' .. owner, id, record)
                    if lane ~= '' then setLane(lane, owner, count + 1) end
                    if owner ~= me then send(owner, 'a' .. id) end
                  elseif owner ~= me then
                    send(owner, 's' .. id .. record)
                  end
                end
                mark = 'd'
                if level == 'n' and purpose == 'a' then mark = me end
                for n = names + 1, jobs - 1 do call('SET', P .. 'seen:' .. ARGV[n], mark, 'EX', life) end
                verdicts = verdicts .. (owner == me and 't' or 'f')
              end
              at = after
            end
            -- Last: it deletes, and nothing may fail after that.
            local mail = takeMail()
            if waitsFor == '' and #mail == 0 then return verdicts end
            return {verdicts, waitsFor, mail}
            """)

    /// Notes that entries (ARGV 6 and on) are begun, with progress ARGV 5; ARGV 4 is empty, or the lease in milliseconds: it is
    /// renewed then, and what is noted is not refused at `maxmemory`.
    ///
    /// Answers 1; -1 when this bridge is gone; else the entries that are not held, and nothing is noted then.
    static let begin = RedisScript(
        name: "begin",
        source: head + "if ARGV[4] ~= '' then\n" + renew("ARGV[4]") + "else\n" + fence + "end\n" + """
            local missing = {}
            for i = 6, #ARGV do
              if call('HEXISTS', P .. 'held:' .. me, ARGV[i]) == 0 then missing[#missing + 1] = ARGV[i] end
            end
            if #missing > 0 then return missing end
            for i = 6, #ARGV do call('HSET', P .. 'begun:' .. me, ARGV[i], ARGV[5]) end
            return 1
            """)

    /// Ends entries: ARGV 4 is the life of a mark, 5 to 7 the numbers of entries, names and log jobs, 8 a dead letter or
    /// nothing, then an id and a lane for each entry, the names, the jobs; KEYS are the queue and the dead letters.
    ///
    /// The jobs are pushed first, and whether the entries are still held or not: the answer was delivered. A dead letter is filed
    /// once for its first entry.
    static let settle = RedisScript(
        name: "settle",
        source: head + lanes + push + """
            local entries, names = tonumber(ARGV[5]), tonumber(ARGV[6])
            local firstName = 9 + entries * 2
            local firstJob = firstName + names
            push(KEYS[1], firstJob, #ARGV)
            if ARGV[8] ~= '' and (entries == 0
              or call('SET', P .. 'letter:' .. ARGV[9], '', 'EX', ARGV[4], 'NX')) then
              call('LPUSH', KEYS[2], ARGV[8])
            end
            for i = 9, firstName - 1, 2 do
              local id, lane = ARGV[i], ARGV[i + 1]
              if call('HDEL', P .. 'held:' .. me, id) == 1 then
                call('HDEL', P .. 'begun:' .. me, id)
                if lane ~= '' then
                  local owner, count = ownerOf(lane)
                  if owner == me then
                    if count > 1 then setLane(lane, me, count - 1) else call('HDEL', P .. 'lanes', lane) end
                  end
                end
              end
            end
            for i = firstName, firstJob - 1 do call('SET', P .. 'seen:' .. ARGV[i], 'd', 'EX', ARGV[4]) end
            return 1
            """)

    /// Marks names (ARGV 6 and on) for ARGV 4 seconds with ARGV 5: `d`, or the bridge that has them in work.
    static let mark = RedisScript(
        name: "mark",
        source: head + """
            for i = 6, #ARGV do call('SET', P .. 'seen:' .. ARGV[i], ARGV[5], 'EX', ARGV[4]) end
            return 1
            """)

    /// Renews the lease (ARGV 4, milliseconds) and tells of the others; ARGV 5 is the newcomer that this bridge has made room for.
    ///
    /// Answers -1 when this bridge is gone, else: 1 if the lease stood and 0 if it did not, the last newcomer, how many entries
    /// are held, the mail, and for each other bridge its id, the newcomer that it has made room for, and 1 if it lives.
    static let beat = RedisScript(
        name: "beat",
        source: head + renew("ARGV[4]") + lives + takeMail + """
            local state = now and 1 or 0
            if call('HEXISTS', P .. 'bridges', me) == 0 then
              -- Redis has lost its data, and with them the count of newcomers.
              state = 0
              call('HSET', P .. 'bridges', me, ARGV[5])
              if tonumber(call('GET', P .. 'epoch') or '0') < tonumber(ARGV[5]) then call('SET', P .. 'epoch', ARGV[5]) end
            end
            local others = {}
            local all = call('HGETALL', P .. 'bridges')
            for i = 1, #all, 2 do
              if all[i] ~= me then
                others[#others + 1] = all[i]
                others[#others + 1] = tonumber(all[i + 1])
                others[#others + 1] = lives(all[i]) and 1 or 0
              end
            end
            local epoch = tonumber(call('GET', P .. 'epoch') or '0')
            local mail = takeMail()
            return {state, epoch, call('HLEN', P .. 'held:' .. me), mail, others}
            """)

    /// Enters a newcomer (lease ARGV 4, milliseconds), wakes the others, and answers with its number.
    static let join = RedisScript(
        name: "join",
        source: head + lives + """
            -- Done before, and its reply was lost.
            local known = call('HGET', P .. 'bridges', me)
            if known then return tonumber(known) end
            call('DEL', P .. 'bell:' .. me)
            local epoch = call('INCR', P .. 'epoch')
            call('SET', P .. 'lease:' .. me, session, 'PX', ARGV[4])
            for _, other in ipairs(call('HKEYS', P .. 'bridges')) do
              if lives(other) then call('RPUSH', P .. 'bell:' .. other, 'b') end
            end
            call('HSET', P .. 'bridges', me, epoch)
            return epoch
            """)

    /// Declares bridges dead (ARGV 5 and on) that are so for certain; ARGV 4 is the life of the mark in seconds.
    static let declare = RedisScript(
        name: "declare",
        source: head + """
            for i = 5, #ARGV do
              if ARGV[i] ~= me and call('HEXISTS', P .. 'bridges', ARGV[i]) == 1 then
                call('DEL', P .. 'lease:' .. ARGV[i])
                call('SET', P .. 'gone:' .. ARGV[i], me, 'EX', ARGV[4], 'NX')
              end
            end
            return 1
            """)

    /// Enters what is in work with its names alone (id and lane, ARGV 6 and on; lease ARGV 5), and notes that there is room for
    /// the newcomer ARGV 4; -1: this bridge is gone.
    static let enter = RedisScript(
        name: "enter",
        source: head + renew("ARGV[5]") + lives + lanes + enterLane + """
            for i = 6, #ARGV, 2 do
              local id, lane = ARGV[i], ARGV[i + 1]
              if call('HEXISTS', P .. 'held:' .. me, id) == 0 then
                call('HSET', P .. 'held:' .. me, id, string.format('n0 0 %d ', #lane) .. lane)
                enterLane(lane)
              end
            end
            call('HSET', P .. 'bridges', me, ARGV[4])
            return 1
            """)

    /// Answers with the mail; -1: this bridge is gone.
    static let fetch = RedisScript(
        name: "fetch",
        source: head + fence + takeMail + """
            return takeMail()
            """)

    /// Answers with the ids of all that is held; -1: this bridge is gone.
    static let audit = RedisScript(
        name: "audit",
        source: head + fence + """
            return call('HKEYS', P .. 'held:' .. me)
            """)

    /// Answers with id, record and progress of those of the ids (ARGV 4 and on) that are held.
    static let collect = RedisScript(
        name: "collect",
        source: head + """
            local found = {}
            for i = 4, #ARGV do
              local record = call('HGET', P .. 'held:' .. me, ARGV[i])
              if record then
                found[#found + 1] = ARGV[i]
                found[#found + 1] = record
                found[#found + 1] = call('HGET', P .. 'begun:' .. me, ARGV[i])
              end
            end
            return found
            """)

    /// Puts entries back that Redis has lost: ARGV 4 is the life of a mark, 5 the lease, then for each its id, kind, attempts,
    /// lane, payload, whether it was begun (`1`) and with what progress, count of names, names; -1: this bridge is gone.
    ///
    /// A lane that is another's by now is left to it.
    static let restore = RedisScript(
        name: "restore",
        source: head + renew("ARGV[5]") + lives + lanes + enterLane + """
            local at = 6
            while at <= #ARGV do
              local id, kind, attempts, lane, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
              local names = at + 7
              local after = names + 1 + ARGV[names]
              if call('HEXISTS', P .. 'held:' .. me, id) == 0 then
                local seq = kind == 'n' and 0 or call('INCR', P .. 'seq')
                call('HSET', P .. 'held:' .. me, id,
                  kind .. string.format('%d %d %d ', seq, attempts, #lane) .. lane .. payload)
                if ARGV[at + 5] == '1' then call('HSET', P .. 'begun:' .. me, id, ARGV[at + 6]) end
                if lane ~= '' then enterLane(lane) end
              end
              for n = names + 1, after - 1 do call('SET', P .. 'seen:' .. ARGV[n], 'd', 'EX', ARGV[4], 'NX') end
              at = after
            end
            return 1
            """)

    /// Takes over what a bridge (ARGV 4) holds whose lease has run out; ARGV 5 is our lease, 6 the life of its death's mark, 7
    /// how many entries at a time, 8 `1` where that lease tells of a death, `0` where nothing is taken over from a bridge that has
    /// not been declared dead or ended in order before.
    ///
    /// Answers -1 when this bridge itself is gone, else: 1 if there is more to come, 2 if not and 0 if there was nothing, the
    /// entries that are this bridge's now as id, record, progress, and the mail. The death is marked first, so that the
    /// dead can do nothing in between; a lane that another bridge has by now stays there and its entries go there.
    static let takeOver = RedisScript(
        name: "takeOver",
        source: head + renew("ARGV[5]") + lives + records + lanes + enterLane + send + takeMail + """
            local dead, life, limit = ARGV[4], ARGV[6], tonumber(ARGV[7])
            local from, begun = P .. 'held:' .. dead, P .. 'begun:' .. dead
            -- Nothing more: but another that takes over too has perhaps sent what belongs before all that follows.
            if dead == me or lives(dead) then return {0, {}, takeMail()} end
            if ARGV[8] == '0' and call('EXISTS', P .. 'gone:' .. dead) == 0 then return {0, {}, takeMail()} end
            if call('HEXISTS', P .. 'bridges', dead) == 0 and call('EXISTS', from) == 0 then return {0, {}, takeMail()} end
            -- Who ended in order has died over nothing.
            local deaths = call('GET', P .. 'gone:' .. dead) == 'retired' and 0 or 1
            if deaths == 1 then call('SET', P .. 'gone:' .. dead, me, 'EX', life) end
            local cursor, items = '0', {}
            repeat
              local page = call('HSCAN', from, cursor, 'COUNT', limit)
              cursor, items = page[1], page[2]
            until #items > 0 or cursor == '0'
            local moved, wasSeen = {}, {}
            for i = 1, #items, 2 do
              local id, record = items[i], items[i + 1]
              if not wasSeen[id] then
                wasSeen[id] = true
                local lane = laneOf(record)
                if string.sub(record, 1, 1) == 'n' then
                  if ownerOf(lane) == dead then call('HDEL', P .. 'lanes', lane) end
                else
                  local _, last, head, attempts = string.find(record, '^(%a%d+) (%d+)')
                  record = head .. string.format(' %d', attempts + deaths) .. string.sub(record, last + 1)
                  local owner = me
                  if lane ~= '' then
                    owner = enterLane(lane)
                    if owner ~= me then
                      local _, count = ownerOf(lane)
                      setLane(lane, owner, count + 1)
                    end
                  end
                  local progress = call('HGET', begun, id)
                  call('HSET', P .. 'held:' .. owner, id, record)
                  if progress then call('HSET', P .. 'begun:' .. owner, id, progress) end
                  if owner == me then
                    moved[#moved + 1] = id
                    moved[#moved + 1] = record
                    moved[#moved + 1] = progress
                  else
                    send(owner, 'r' .. id)
                  end
                end
                call('HDEL', from, id)
                call('HDEL', begun, id)
              end
            end
            local state = 1
            if call('EXISTS', from) == 0 then
              state = 2
              for _, item in ipairs(call('LRANGE', P .. 'mail:' .. dead, 0, -1)) do
                if string.sub(item, 1, 1) == 's' then
                  local owner = ownerOf(laneOf(string.sub(item, 38)))
                  if owner == me then
                    moved[#moved + 1] = string.sub(item, 2, 37)
                    moved[#moved + 1] = string.sub(item, 38)
                    moved[#moved + 1] = false
                  elseif owner and owner ~= dead and lives(owner) then
                    send(owner, item)
                  end
                end
              end
              call('DEL', begun, P .. 'mail:' .. dead, P .. 'bell:' .. dead)
              call('HDEL', P .. 'bridges', dead)
            end
            local mail = takeMail()
            return {state, moved, mail}
            """)

    /// Gives up the lease: where nothing is held the bridge is forgotten, else it counts as dead (a mark that lives ARGV 4
    /// seconds) and the others are woken.
    static let retire = RedisScript(
        name: "retire",
        source: head + lives + """
            call('DEL', P .. 'lease:' .. me)
            if call('EXISTS', P .. 'held:' .. me, P .. 'mail:' .. me) == 0 then
              call('DEL', P .. 'begun:' .. me, P .. 'bell:' .. me)
              call('HDEL', P .. 'bridges', me)
              return 0
            end
            call('SET', P .. 'gone:' .. me, 'retired', 'EX', ARGV[4])
            for _, other in ipairs(call('HKEYS', P .. 'bridges')) do
              if lives(other) then call('RPUSH', P .. 'bell:' .. other, 'b') end
            end
            return 1
            """)
}
