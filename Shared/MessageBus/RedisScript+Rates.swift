extension RedisScript {
    // Departures are ascending, so that the oldest that count stand first and the newest last. Those of later than now
    // were written before the server's clock was set back; what is no time somebody else has written. All times are in microseconds.
    // KEYS: the departures of the last minute, the notice.
    // ARGV: the time or nothing for the server's; window; the limit for this urgency and for the most urgent; until
    // when a notice holds it back (`end`: its own; `spare`: the next protective request's turn; `on`: not at all);
    // interval between protective requests; time of a probe; how long a notice is remembered.
    // Returns {0, left, probe or 0}; {1, time to wait} if too many have left; {2, time to wait, cause, reason} if a
    // notice stands.
    static let takeRequestSource =
        Self.clockSource + """
            local window, limit, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
            local notice = redis.call('HMGET', KEYS[2], 'end', 'spare', 'forgotten', 'cause', 'reason')
            local stands = notice[1] and now < tonumber(notice[3])
            if stands and now < tonumber(notice[1]) and ARGV[5] ~= 'on' then
              local next = tonumber(notice[1])
              if ARGV[5] == 'spare' then next = tonumber(notice[2]) end
              if now < next then return { 2, next - now, notice[4], notice[5] } end
            end
            local oldest = redis.call('LINDEX', KEYS[1], 0)
            while oldest and (tonumber(oldest) or 0) + window <= now do
              redis.call('LPOP', KEYS[1])
              oldest = redis.call('LINDEX', KEYS[1], 0)
            end
            local newest = redis.call('LINDEX', KEYS[1], -1)
            while newest and (tonumber(newest) or 0) > now do
              redis.call('RPOP', KEYS[1])
              newest = redis.call('LINDEX', KEYS[1], -1)
            end
            local count = redis.call('LLEN', KEYS[1])
            if count >= limit then
              return { 1, (tonumber(redis.call('LINDEX', KEYS[1], count - limit)) or now) + window - now }
            end
            redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
            redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
            local left = math.max(most - count - 1, 0)
            if not stands then return { 0, left, 0 } end
            redis.call('HSET', KEYS[2], 'spare', string.format('%.0f', now + tonumber(ARGV[6])))
            if now < tonumber(notice[1]) then return { 0, left, 0 } end
            local ending = now + tonumber(ARGV[7])
            local memory = tonumber(ARGV[8])
            redis.call('HSET', KEYS[2], 'end', string.format('%.0f', ending),
              'forgotten', string.format('%.0f', ending + memory))
            redis.call('PEXPIRE', KEYS[2], math.ceil((ending + memory - now) / 1000))
            return { 0, left, ending }
            """

    // KEYS: the notice. ARGV: the time or nothing; duration; cause; reason; interval between protective requests; how
    // long a notice is remembered.
    static let postNoticeSource =
        Self.clockSource + """
            local ending, memory = now + tonumber(ARGV[2]), tonumber(ARGV[6])
            local notice = redis.call('HMGET', KEYS[1], 'end', 'forgotten')
            if notice[1] and now < tonumber(notice[2]) and tonumber(notice[1]) >= ending then return 0 end
            redis.call('HSET', KEYS[1], 'end', string.format('%.0f', ending),
              'spare', string.format('%.0f', now + tonumber(ARGV[5])),
              'forgotten', string.format('%.0f', ending + memory), 'cause', ARGV[3], 'reason', ARGV[4])
            redis.call('PEXPIRE', KEYS[1], math.ceil((ending + memory - now) / 1000))
            return 1
            """

    // KEYS: the notice. ARGV: the probe.
    static let endNoticeSource = """
        if redis.call('HGET', KEYS[1], 'end') == ARGV[1] then redis.call('DEL', KEYS[1]) end
        return 1
        """

    private static let clockSource = """
        local now = tonumber(ARGV[1])
        if not now then
          local time = redis.call('TIME')
          now = tonumber(time[1]) * 1000000 + tonumber(time[2])
        end

        """
}
