internal import Redis

/// The steps that must happen as one. Lua has no rollback: each script does last what must not happen alone.
extension RedisJobQueue {
    /// Moves jobs from the tail of the queue (KEYS 1) to the head of a claimed list (KEYS 2) until that holds ARGV 1 of them;
    /// answers with how many it holds.
    ///
    /// A list that holds more than ARGV 2 jobs already is left as it is. The queue is trimmed last: whatever fails before leaves a
    /// job twice, never nowhere. SORT … BY nosort … STORE copies a piece of a list in its order, reads no more than that piece
    /// (since Redis 3.2) and goes to the append-only file as one line: a fourth of the CPU of LRANGE and LPUSH, which are for
    /// a list that holds jobs already and for a user to whom the dangerous commands, as SORT is one, are forbidden.
    static let claim = RedisScript(
        name: "claim",
        source: """
            local held = redis.call('LLEN', KEYS[2])
            local length = redis.call('LLEN', KEYS[1])
            local count = math.min(tonumber(ARGV[1]) - held, length)
            if held > tonumber(ARGV[2]) or count <= 0 then return held end
            local stored = nil
            if held == 0 then
              stored = redis.pcall('SORT', KEYS[1], 'BY', 'nosort', 'LIMIT', length - count, count, 'STORE', KEYS[2])
            end
            if type(stored) ~= 'number' then
              local jobs = redis.call('LRANGE', KEYS[1], -count, -1)
              for i = count, 1, -1 do redis.call('LPUSH', KEYS[2], jobs[i]) end
            end
            redis.call('LTRIM', KEYS[1], 0, -count - 1)
            return held + count
            """)

    /// Ends a claim (list KEYS 1, of which ARGV 1 jobs stay) that has dead letters (to KEYS 2) or jobs to give back
    /// (to KEYS 3); ARGV 2 is the number of dead letters, which come first, then the others.
    ///
    /// Done once: the length of the list tells whether it was done before. The LTRIM that changes nothing is for a Redis at
    /// `maxmemory`: it refuses the first write of a script where that could grow, and none after another (`script_oom` in its source),
    /// and what grows here is less than what goes.
    static let finish = RedisScript(
        name: "finish",
        source: """
            local stay = tonumber(ARGV[1])
            if redis.call('LLEN', KEYS[1]) <= stay then return 0 end
            local dead = tonumber(ARGV[2])
            redis.call('LTRIM', KEYS[1], 0, -1)
            for i = 3, #ARGV do redis.call('LPUSH', i < 3 + dead and KEYS[2] or KEYS[3], ARGV[i]) end
            redis.call('LTRIM', KEYS[1], 0, stay - 1)
            if stay == 0 then redis.call('UNLINK', KEYS[1]) end
            return 1
            """)

    /// Gives the logger ARGV 1 a lease (KEYS 1) of ARGV 3 milliseconds with the name ARGV 2 in it, and notes it in the set KEYS 2.
    ///
    /// The DEL comes first for a Redis at `maxmemory`, as the LTRIM above: a logger without a lease could drain nothing in peace.
    static let live = RedisScript(
        name: "live",
        source: """
            redis.call('DEL', KEYS[1])
            redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            redis.call('SADD', KEYS[2], ARGV[1])
            return 1
            """)

    /// Takes the whole queue (KEYS 1) as a claimed list (KEYS 2), also where memory is full; answers with its length.
    static let takeAll = RedisScript(
        name: "takeAll",
        source: """
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            if redis.call('RENAMENX', KEYS[1], KEYS[2]) == 0 then return 0 end
            return redis.call('LLEN', KEYS[2])
            """)

    /// Answers with the loggers in the set KEYS 1 whose lease (ARGV 1 and the name) has run out.
    static let lapsed = RedisScript(
        name: "lapsed",
        source: """
            local lapsed = {}
            for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
              if redis.call('EXISTS', ARGV[1] .. name) == 0 then lapsed[#lapsed + 1] = name end
            end
            return lapsed
            """)

    /// Takes a claimed list (KEYS 2) over as KEYS 3 unless its owner's lease (KEYS 1) stands; answers with its length.
    ///
    /// The list has a new name from then on, so that nothing that its owner still does can reach it.
    static let takeOver = RedisScript(
        name: "takeOver",
        source: """
            if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
            if redis.call('RENAMENX', KEYS[2], KEYS[3]) == 0 then return 0 end
            return redis.call('LLEN', KEYS[3])
            """)
}
