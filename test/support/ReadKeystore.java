import java.io.FileInputStream;
import java.io.InputStream;
import java.security.Key;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.StringJoiner;

/** Prints what a PKCS #12 key store has for Java: `alias|key|algorithm|subject, subject` or `alias|trusted||subject`. */
public class ReadKeystore {
  public static void main(String[] args) throws Exception {
    char[] password = args[1].toCharArray();
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream file = new FileInputStream(args[0])) {
      store.load(file, password);
    }
    for (String alias : Collections.list(store.aliases())) {
      if (store.isCertificateEntry(alias)) {
        System.out.println(alias + "|trusted||" + subject(store.getCertificate(alias)));
        continue;
      }
      Key key = store.getKey(alias, password);
      StringJoiner chain = new StringJoiner(", ");
      for (Certificate certificate : store.getCertificateChain(alias)) chain.add(subject(certificate));
      checkPair((PrivateKey) key, store.getCertificate(alias));
      System.out.println(alias + "|key|" + key.getAlgorithm() + "|" + chain);
    }
  }

  private static String subject(Certificate certificate) {
    return ((X509Certificate) certificate).getSubjectX500Principal().getName();
  }

  private static void checkPair(PrivateKey key, Certificate certificate) throws Exception {
    String kind = key.getAlgorithm();
    String algorithm = kind.equals("RSA") ? "SHA256withRSA" : kind.equals("EC") ? "SHA256withECDSA" : "Ed25519";
    Signature signing = Signature.getInstance(algorithm);
    signing.initSign(key);
    signing.update((byte) 1);
    byte[] signature = signing.sign();
    Signature verifying = Signature.getInstance(algorithm);
    verifying.initVerify(certificate);
    verifying.update((byte) 1);
    if (!verifying.verify(signature)) throw new IllegalStateException("key and certificate are no pair");
  }
}
