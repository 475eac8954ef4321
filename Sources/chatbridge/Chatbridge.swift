@main
struct Chatbridge {
    static func main() {
        print("chatbridge")
    }
}
